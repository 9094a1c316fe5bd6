/** The canvas of an address space: asks for what is in sight, paints it, and moves with the pointer. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { hex } from '../../../src/abi/address.js';
import type { Snapshot, SpaceWindow } from '../../../src/inspect/source.js';
import type { Source } from '../source/source.js';
import type { Mark } from './marks.js';
import { GUTTER, type Look, paint, paintsOf, placeAt } from './paint.js';
import { addressAt, pan, type Viewport, zoom } from './viewport.js';

const ROWS = 10;
const ROW_HEIGHT = 36;

export interface SpaceCanvasProps {
  readonly source: Source;
  readonly space: string;
  readonly view: Viewport;
  /** Changes when the machine did. */
  readonly moment: Snapshot | undefined;
  readonly marks: readonly Mark[];
  readonly move: (view: Viewport) => void;
  readonly onWindow: (shown: SpaceWindow) => void;
  readonly onPoint: (address: bigint | undefined) => void;
  readonly onFailure: (why: string) => void;
}

export function SpaceCanvas({
  source,
  space,
  view,
  moment,
  marks,
  move,
  onWindow,
  onPoint,
  onFailure,
}: SpaceCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(900);
  const [shown, setShown] = useState<{ readonly view: Viewport; readonly window: SpaceWindow }>();
  const asking = useRef(false);
  const again = useRef(false);
  const newest = useRef(view);
  newest.current = view;
  const look: Look = { width, height: ROWS * ROW_HEIGHT, rows: ROWS, scale: devicePixelRatio };

  useLayoutEffect(() => {
    const parent = canvas.current?.parentElement;
    if (!parent) return undefined;
    const observer = new ResizeObserver(() => setWidth(parent.clientWidth));
    observer.observe(parent);
    return () => observer.disconnect();
  }, []);

  const ask = (): void => {
    if (asking.current) {
      again.current = true;
      return;
    }
    asking.current = true;
    const of = newest.current;
    const columns = Math.round(((width - GUTTER) * ROWS) / 2);
    source
      .window({ space, first: hex(of.first), last: hex(of.last), columns })
      .then((window) => {
        setShown({ view: of, window });
        onWindow(window);
      })
      .catch((error: Error) => onFailure(error.message))
      .finally(() => {
        asking.current = false;
        if (again.current) {
          again.current = false;
          ask();
        }
      });
  };
  // Also when something happened: there is a new snapshot then.
  useEffect(ask, [space, view.first, view.last, width, moment]);

  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element && context && shown) paint(context, look, view, shown.window, marks, paintsOf(element));
  });

  const place = (event: PointerEvent | WheelEvent): number => placeAt(look, event.offsetX, event.offsetY);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    // By hand, because the page must not scroll.
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      if (event.shiftKey || event.deltaX !== 0) move(pan(newest.current, (event.deltaX + event.deltaY) / 2000));
      else move(zoom(newest.current, event.deltaY > 0 ? 1.25 : 0.8, place(event)));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  });
  const dragged = (event: PointerEvent): void => {
    onPoint(addressAt(view, place(event)));
    if (event.buttons !== 1) return;
    const moved = (event.movementX / (width - GUTTER) + event.movementY / ROW_HEIGHT) / ROWS;
    if (moved !== 0) move(pan(newest.current, -moved));
  };
  return (
    <canvas
      ref={canvas}
      width={width * look.scale}
      height={look.height * look.scale}
      style={{ width: `${width}px`, height: `${look.height}px` }}
      onPointerMove={dragged}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerLeave={() => onPoint(undefined)}
      onDblClick={(event) => move(zoom(view, 0.25, placeAt(look, event.offsetX, event.offsetY)))}
      role="img"
      aria-label={`I/O virtual addresses ${hex(view.first)} to ${hex(view.last)}; the table below has the mappings`}
    />
  );
}
