/** Visible messages of a queue in order of arrival, and hidden messages with the time at which they become visible. */
export interface Visibility {
  /** Appends a message to the visible ones, or hides it until `until` (milliseconds since 1970). Moves a known message. */
  place(id: string, until: number, now: number): void;
  /** Takes the first visible message. The caller places it again or removes it. */
  take(now: number): string | undefined;
  remove(id: string): void;
  clear(): void;
  isHidden(id: string, now: number): boolean;
  visible(now: number): Iterable<string>;
  visibleCount(now: number): number;
  /** When the next hidden message becomes visible. */
  nextAt(): number | undefined;
}

export function createVisibility(): Visibility {
  const visible = new Set<string>();
  const hidden = new Map<string, number>();
  /** May hold outdated entries of messages that were placed again or removed; {@link hidden} is authoritative. */
  const order = createHeap();

  function revealDue(now: number): void {
    for (let next = order.peek(); next; next = order.peek()) {
      const current = hidden.get(next.id) === next.at;
      if (current && next.at > now) return;
      order.pop();
      if (!current) continue;
      hidden.delete(next.id);
      visible.add(next.id);
    }
  }

  return {
    place(id, until, now) {
      visible.delete(id);
      if (until > now) {
        hidden.set(id, until);
        order.push({ id, at: until });
      } else {
        hidden.delete(id);
        visible.add(id);
      }
    },
    take(now) {
      revealDue(now);
      const [first] = visible;
      if (first !== undefined) visible.delete(first);
      return first;
    },
    remove(id) {
      visible.delete(id);
      hidden.delete(id);
    },
    clear() {
      visible.clear();
      hidden.clear();
    },
    isHidden(id, now) {
      revealDue(now);
      return hidden.has(id);
    },
    visible(now) {
      revealDue(now);
      return visible;
    },
    visibleCount(now) {
      revealDue(now);
      return visible.size;
    },
    nextAt() {
      for (let next = order.peek(); next; next = order.peek()) {
        if (hidden.get(next.id) === next.at) return next.at;
        order.pop();
      }
      return undefined;
    },
  };
}

interface Entry {
  readonly id: string;
  readonly at: number;
}

/** A binary heap with the earliest entry on top. */
function createHeap() {
  const entries: Entry[] = [];
  const at = (index: number): number => entries[index]?.at ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number): void => {
    [entries[a], entries[b]] = [entries[b] as Entry, entries[a] as Entry];
  };
  return {
    peek: (): Entry | undefined => entries[0],
    push(entry: Entry): void {
      let index = entries.push(entry) - 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (at(parent) <= at(index)) return;
        swap(index, parent);
        index = parent;
      }
    },
    pop(): void {
      const last = entries.pop();
      if (entries.length === 0 || !last) return;
      entries[0] = last;
      let index = 0;
      for (;;) {
        const left = 2 * index + 1;
        const child = at(left + 1) < at(left) ? left + 1 : left;
        if (at(child) >= at(index)) return;
        swap(index, child);
        index = child;
      }
    },
  };
}
