/**
 * A list of any length: only the rows in sight are in the document. Browsers limit the height of an element, so a long
 * list is a shorter one that scrolls proportionally; small movements stay exact.
 */
import { type ComponentChildren, Fragment } from 'preact';
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
  const [, draw] = useState(0);
  /** What is at the upper edge, pixels of the whole list. */
  const place = useRef(0);
  const [height, setHeight] = useState(600);
  /** Where the scroll bar is by our own doing. */
  const put = useRef(0);
  const full = length * rowHeight;
  const shown = Math.min(full, MAX_HEIGHT);
  const most = Math.max(0, full - height);
  const scale = shown > height ? most / (shown - height) : 1;
  if (follow || place.current > most) place.current = most;
  const top = place.current;
  const moveBar = (to: number): void => {
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
    if (top === most) moveBar(most);
  }, [follow, most]);
  useEffect(() => {
    if (reveal < 0) return;
    const y = reveal * rowHeight;
    if (y >= top && y + rowHeight <= top + height) return;
    place.current = Math.max(0, Math.min(y - height / 2, most));
    moveBar(place.current);
    draw(place.current);
  }, [reveal]);
  const scrolled = (): void => {
    const element = box.current;
    if (!element) return;
    const moved = element.scrollTop - put.current;
    if (Math.abs(moved) < 1) return;
    put.current = element.scrollTop;
    // A turn of the wheel moves by pixels, the bar by its proportion.
    const near = Math.abs(moved) < height && element.scrollTop > 0 && element.scrollTop < shown - height - 1;
    const next = near ? place.current + moved : element.scrollTop * scale;
    place.current = Math.max(0, Math.min(next, most));
    draw(place.current);
    onScrolled(place.current >= most - rowHeight);
  };
  const first = Math.floor(top / rowHeight);
  const last = Math.min(length, first + Math.ceil(height / rowHeight) + 1);
  const rows: ComponentChildren[] = [];
  // A row that leaves at one end is used again at the other.
  const slots = Math.ceil(height / rowHeight) + 2;
  for (let position = first; position < last; position++) {
    const shownFirst = position === Math.ceil(top / rowHeight);
    rows.push(<Fragment key={position % slots}>{row(position, shownFirst)}</Fragment>);
  }
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
