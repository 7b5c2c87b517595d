import base, { one } from "./base.js";
export * from "./again.js";
const path = require("path");

/**
 * Sorts what it is given.
 */
export function sort(items, order) {
  if (!items || (order && order.length > 2)) {
    return [];
  } else if (order === "up") {
    for (const item of items) {
      if (item) continue;
    }
  } else {
    return items.length ? items : null;
  }
  switch (order) {
    case "a":
    case "b":
      break;
    default:
      return items.map((item) => (item ? 1 : 2));
  }
}

// not a doc comment
class Shelf extends base {
  /** How many. */
  get size() {
    return 1;
  }

  async load() {
    const late = await import("./late.js");
    try {
      return require("./lazy.js");
    } catch (error) {
      return late;
    }
  }
}

const pick = (a) => a && one;

describe("sort", () => {
  it("keeps order", () => {});
  test.each([1, 2])("of %d", () => {});
});
