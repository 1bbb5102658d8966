// Finds out whether a drawing that is not a digit is several: pieces of ink side by side.

const SIDE = 28;
const INK = 100; // of 255; fainter pixels only blur the gap between two digits
const TALL = 0.6; // a digit's height as a share of the tallest; dots and dashes are smaller
const OVERLAP = 0.3; // of the narrower one's width; pieces of one digit lie above each other

/** Returns whether a 28x28 PNG in base64, ink white, shows digits side by side. */
export async function showsSeveral(instance) {
  const image = new Image(SIDE, SIDE);
  image.src = `data:image/png;base64,${instance}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const boxes = componentBoxes((x, y) => data[4 * (y * SIDE + x)] >= INK);
  const tallest = Math.max(...boxes.map(({ top, bottom }) => bottom - top));
  const digits = boxes
    .filter(({ top, bottom }) => bottom - top >= TALL * tallest)
    .sort((a, b) => a.left - b.left);
  return digits.some((box, place) => place > 0 && areSideBySide(digits[place - 1], box));
}

function areSideBySide(one, other) {
  const overlap = Math.min(one.right, other.right) - Math.max(one.left, other.left) + 1;
  const narrower = Math.min(one.right - one.left, other.right - other.left) + 1;
  return overlap <= OVERLAP * narrower;
}

/** Bounding boxes of the connected components, edges included. */
function componentBoxes(isInk) {
  const seen = new Set();
  const boxes = [];
  for (let start = 0; start < SIDE * SIDE; start += 1) {
    const open = [start];
    const box = { left: SIDE, right: -1, top: SIDE, bottom: -1 };
    while (open.length > 0) {
      const pixel = open.pop();
      const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
      if (seen.has(pixel) || !isInk(x, y)) continue;
      seen.add(pixel);
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
      for (const nextY of [y - 1, y, y + 1]) {
        for (const nextX of [x - 1, x, x + 1]) {
          const inside = nextX >= 0 && nextX < SIDE && nextY >= 0 && nextY < SIDE;
          if (inside) open.push(nextY * SIDE + nextX);
        }
      }
    }
    if (box.right >= 0) boxes.push(box);
  }
  return boxes;
}
