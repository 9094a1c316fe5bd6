/** Keys: each view says which it has; `?` lists them. Keys that are typed into a field are the field's. */
import { useLayoutEffect } from 'preact/hooks';

export interface Key {
  /** As KeyboardEvent.key has it. */
  readonly key: string;
  readonly what: string;
  readonly run: () => void;
}

const active = new Set<readonly Key[]>();

/** The keys of what is shown now. */
export function activeKeys(): readonly Key[] {
  return [...active].flat();
}

const FIELDS = new Set(['INPUT', 'SELECT', 'TEXTAREA']);

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if (target instanceof HTMLElement && FIELDS.has(target.tagName)) return;
  if (target instanceof HTMLElement && target.closest('dialog') && event.key !== '?') return;
  const key = activeKeys().find((each) => each.key === event.key);
  if (!key) return;
  event.preventDefault();
  key.run();
}

/** Keys are in force while the component is shown. */
export function useKeys(keys: readonly Key[]): void {
  useLayoutEffect(() => {
    active.add(keys);
    return () => {
      active.delete(keys);
    };
  });
}

/** Starts to listen. */
export function listenForKeys(): void {
  addEventListener('keydown', pressed);
}
