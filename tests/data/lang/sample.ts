import type { Row } from "./row";
import { open } from "./store";

export interface Shape {
  area(): number;
}

export enum Colour {
  Red,
}

export abstract class Base<T> {
  constructor(private readonly rows: Row[]) {}

  /** The first that fits. */
  find(test: (row: Row) => boolean, fallback?: Row): Row | undefined {
    for (const row of this.rows) {
      if (test(row)) {
        return row;
      }
    }
    return fallback ?? open();
  }

  private guess(rows, n: number) {
    while (n > 0) n -= 1;
    return rows;
  }
}

namespace inner {
  export function twice(n: number): number {
    return n * 2;
  }
}
