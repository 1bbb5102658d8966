// Draws ink in the same way on the visible canvas and on the picture that is sent.
// training/data/canvas.py draws by the same rules, so that models are trained on such pictures.

/** Side of the coordinate system of ink, independent of the size of the canvas. */
export const SIDE = 1000;

/** The pen's diameter as a share of the side: about 20 pixels of 280. */
export const BRUSH = 0.07;

/**
 * Renders strokes on a 2D context whose canvas is square.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number[][][]} strokes strokes of points [x, y, …] in 0..SIDE, y down
 * @param {{size: number, brush?: number, ink?: string, paper?: string | null}} options
 *   size: the canvas' side in its pixels; paper null leaves the background as it is
 */
export function renderInk(context, strokes, { size, brush = BRUSH, ink = "#000", paper = "#fff" }) {
  context.save();
  context.setTransform(size / SIDE, 0, 0, size / SIDE, 0, 0);
  if (paper === null) {
    context.clearRect(0, 0, SIDE, SIDE);
  } else {
    context.fillStyle = paper;
    context.fillRect(0, 0, SIDE, SIDE);
  }
  context.strokeStyle = context.fillStyle = ink;
  context.lineWidth = brush * SIDE;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    renderStroke(context, stroke);
  }
  context.restore();
}

/** Quadratic curves from midpoint to midpoint, the points themselves being the controls. */
function renderStroke(context, stroke) {
  if (stroke.length === 0) return;
  const [first, last] = [stroke[0], stroke[stroke.length - 1]];
  context.beginPath();
  if (stroke.every(([x, y]) => x === first[0] && y === first[1])) {
    context.arc(first[0], first[1], context.lineWidth / 2, 0, 2 * Math.PI); // a dot has no line
    context.fill();
    return;
  }
  context.moveTo(first[0], first[1]);
  for (let i = 1; i < stroke.length - 1; i += 1) {
    const [before, at, after] = [stroke[i - 1], stroke[i], stroke[i + 1]];
    if (i === 1) context.lineTo((before[0] + at[0]) / 2, (before[1] + at[1]) / 2);
    context.quadraticCurveTo(at[0], at[1], (at[0] + after[0]) / 2, (at[1] + after[1]) / 2);
  }
  context.lineTo(last[0], last[1]);
  context.stroke();
}
