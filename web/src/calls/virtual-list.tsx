/**
 * A list of any length: only the rows in sight are in the document. Browsers limit the height of an element, so a long
 * list is a shorter one that scrolls proportionally; small movements stay exact.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Greatest height of the scrolled element, pixels. */
const MAX_HEIGHT = 6_000_000;

export interface VirtualListProps {
  readonly length: number;
  /** Height of a row, pixels. */
  readonly rowHeight: number;
  readonly label: string;
  /** The list stays at its end while it grows. */
  readonly follow: boolean;
  /** Somebody scrolled: is the end in sight? */
  readonly onScrolled: (atEnd: boolean) => void;
  /** Position that must be in sight; -1: none. */
  readonly reveal: number;
  /** @param first it is the first in sight: the keyboard comes in there */
  readonly row: (position: number, first: boolean) => ComponentChildren;
}

export function VirtualList({ length, rowHeight, label, follow, onScrolled, reveal, row }: VirtualListProps) {
  const box = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  /** Where the scroll bar is by our own doing. */
  const put = useRef(0);
  const full = length * rowHeight;
  const shown = Math.min(full, MAX_HEIGHT);
  const most = Math.max(0, full - height);
  const scale = shown > height ? most / (shown - height) : 1;
  const goTo = (next: number): void => {
    const to = Math.max(0, Math.min(next, most));
    setTop(to);
    put.current = to / scale;
    if (box.current) box.current.scrollTop = put.current;
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (follow) goTo(most);
    else if (top > most) goTo(most);
  }, [follow, most]);
  useEffect(() => {
    if (reveal < 0) return;
    const y = reveal * rowHeight;
    if (y < top || y + rowHeight > top + height) goTo(y - height / 2);
  }, [reveal]);
  const scrolled = (): void => {
    const element = box.current;
    if (!element) return;
    const moved = element.scrollTop - put.current;
    if (Math.abs(moved) < 1) return;
    put.current = element.scrollTop;
    // A turn of the wheel moves by pixels, the bar by its proportion.
    const near = Math.abs(moved) < height && element.scrollTop > 0 && element.scrollTop < shown - height - 1;
    const next = Math.max(0, Math.min(near ? top + moved : element.scrollTop * scale, most));
    setTop(next);
    onScrolled(next >= most - rowHeight);
  };
  const first = Math.floor(top / rowHeight);
  const last = Math.min(length, first + Math.ceil(height / rowHeight) + 1);
  const rows: ComponentChildren[] = [];
  for (let position = first; position < last; position++)
    rows.push(row(position, position === Math.ceil(top / rowHeight)));
  return (
    <section ref={box} class="virtual" aria-label={label} onScroll={scrolled}>
      <div style={{ height: `${shown}px` }}>
        <div class="window" style={{ height: `${Math.min(height, full)}px` }}>
          <div style={{ transform: `translateY(${first * rowHeight - top}px)` }}>{rows}</div>
        </div>
      </div>
    </section>
  );
}
