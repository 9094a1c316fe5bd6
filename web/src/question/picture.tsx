/** The checker's world as a picture: processes, open files, devices and VMs, with a lamp where there is a right. */
import type { Scene } from './scene.js';

const WIDTH = 640;
const PROCESS = 74;
const FILE = 270;
const OTHER = 540;
const ROW = 74;
const TOP = 44;

type Point = readonly [x: number, y: number];
const rowY = (index: number, count: number, rows: number): number => TOP + ((rows - count) / 2 + index) * ROW + ROW / 2;

function Wire({ from, to, kind, label }: { from: Point; to: Point; kind: string; label?: string | undefined }) {
  const middle = (from[0] + to[0]) / 2;
  return (
    <g class={`wire ${kind}`}>
      <path d={`M${from[0]} ${from[1]} C${middle} ${from[1]} ${middle} ${to[1]} ${to[0]} ${to[1]}`} />
      {label && (
        <text x={middle} y={(from[1] + to[1]) / 2 - 5} text-anchor="middle">
          {label}
        </text>
      )}
    </g>
  );
}

function Node({ at, name, note, kind, lit }: { at: Point; name: string; note: string; kind: string; lit?: boolean }) {
  return (
    <g class={`node ${kind}${lit ? ' lit' : ''}`} transform={`translate(${at[0]} ${at[1]})`}>
      {lit && <rect class="glow" x="-66" y="-27" width="132" height="54" rx="14" />}
      <rect x="-60" y="-22" width="120" height="44" rx="9" />
      <text class="name" y="-3" text-anchor="middle">
        {name}
      </text>
      <text class="what" y="13" text-anchor="middle">
        {note}
      </text>
    </g>
  );
}

/** What the picture says, for those who do not see it. */
function described(scene: Scene): string {
  const files = scene.files
    .filter(({ open }) => open)
    .map((f) => `${f.name} ${f.right ? 'may flush' : 'may not flush'}`);
  const vms = scene.vms
    .filter(({ open }) => open)
    .map((vm) => `VM ${vm.name} ${vm.right ? 'may flush' : 'may not flush'}`);
  return [...files, ...vms].join(', ') || 'nothing is open';
}

export function Picture({ scene }: { scene: Scene }) {
  const { processes, files, devices, vms, holds, line } = scene;
  const rows = Math.max(processes.length, files.length, devices.length + vms.length);
  const process = (i: number): Point => [PROCESS, rowY(i, processes.length, rows)];
  const file = (i: number): Point => [FILE, rowY(i, files.length, rows)];
  const vm = (i: number): Point => [OTHER, rowY(i, vms.length + devices.length, rows)];
  const device = (i: number): Point => [OTHER, rowY(vms.length + i, vms.length + devices.length, rows)];
  const left = ([x, y]: Point): Point => [x - 60, y];
  const right = ([x, y]: Point): Point => [x + 60, y];
  return (
    <figure class="picture">
      <svg viewBox={`0 0 ${WIDTH} ${TOP + rows * ROW}`} role="img" aria-label={described(scene)}>
        <g class="heads">
          <text x={PROCESS} y="22" text-anchor="middle">
            processes
          </text>
          <text x={FILE} y="22" text-anchor="middle">
            open files
          </text>
          <text x={OTHER} y="22" text-anchor="middle">
            VMs and devices
          </text>
        </g>
        {holds.map(({ process: p, file: f, count }) => (
          <Wire
            key={`h${p}${f}`}
            from={right(process(p))}
            to={left(file(f))}
            kind="holds"
            label={count > 1 ? `×${count}` : undefined}
          />
        ))}
        {vms.flatMap(({ open, proofs }, v) =>
          open
            ? proofs.map((f) => (
                <Wire key={`p${v}${f}`} from={right(file(f))} to={left(vm(v))} kind="proof" label="proof" />
              ))
            : [],
        )}
        {devices.map(({ boundTo, attached, name }, d) =>
          boundTo === undefined ? null : (
            <Wire
              key={name}
              from={right(file(boundTo))}
              to={left(device(d))}
              kind={attached}
              label={attached === 'no' ? 'bound' : undefined}
            />
          ),
        )}
        {processes.map(({ name }, i) => (
          <Node key={name} at={process(i)} name={name} note="process" kind="process" />
        ))}
        {files.map(({ name, open, right: may, need }, i) => (
          <Node
            key={name}
            at={file(i)}
            name={name}
            kind={open ? 'file' : 'file absent'}
            lit={may}
            note={open ? (need ? 'needs flushes' : 'no need') : 'not open'}
          />
        ))}
        {vms.map(({ name, open, right: may, disabled }, i) => (
          <Node
            key={name}
            at={vm(i)}
            name={`VM ${name}`}
            kind={open ? 'vm' : 'vm absent'}
            lit={may}
            note={!open ? 'not there' : disabled ? 'forced off' : may ? 'may flush' : 'WBINVD: no-op'}
          />
        ))}
        {devices.map(({ name, plugged, attached }, i) => (
          <Node
            key={name}
            at={device(i)}
            name={name}
            kind={`device ${plugged ? attached : 'absent'}`}
            note={
              !plugged
                ? 'pulled out'
                : attached === 'bypassing'
                  ? 'bypasses caches'
                  : attached === 'snooped'
                    ? 'asks the caches'
                    : 'idle'
            }
          />
        ))}
      </svg>
      {line && <figcaption>{line.join(' · ')}</figcaption>}
    </figure>
  );
}
