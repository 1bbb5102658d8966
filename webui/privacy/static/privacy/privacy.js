// After everything is deleted: the list of latest drawings, which only this browser keeps, goes too.

const RECENT = "recent"; // the key that recognition/recent.js uses

try {
  localStorage.removeItem(RECENT);
} catch {
  // Storage is off, so there is no list.
}
