/** SARIF 2.1.0 (OASIS): findings for code scanning. One run, one rule a kind of finding. */
import { type Finding, formatFinding } from './finding.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** What a rule is about, for the list of rules. */
export interface Rule {
  readonly id: string;
  readonly description: string;
}

function result({ rule, headline, position, count, ...rest }: Finding, ruleIndex: number) {
  const { pid } = rest;
  return {
    ruleId: rule,
    ruleIndex,
    level: 'error',
    message: { text: formatFinding({ rule, headline, position, count, ...rest }).join('\n') },
    occurrenceCount: count,
    ...(position && {
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: encodeURI(position.object) },
            address: { relativeAddress: Number(position.offset), kind: 'instruction' },
          },
          logicalLocations: [{ name: `process ${pid}`, kind: 'process' }],
        },
      ],
    }),
    // The same fault at the same place is the same finding in the next run, whatever its process is called then.
    partialFingerprints: {
      'ioasid/v1': `${rule}:${position ? `${position.object}+${position.offset}` : headline.replaceAll(/\d+/g, 'N')}`,
    },
  };
}

/**
 * A whole log.
 * @param rules every rule that the tool knows: a rule without results says that it was looked for
 */
export function formatSarif(version: string, rules: readonly Rule[], findings: readonly Finding[]): string {
  const index = new Map(rules.map(({ id }, i) => [id, i]));
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'ioasid',
            version,
            rules: rules.map(({ id, description }) => ({ id, shortDescription: { text: description } })),
          },
        },
        results: findings.map((finding) => {
          const at = index.get(finding.rule);
          if (at === undefined) throw new RangeError(`no rule '${finding.rule}'`);
          return result(finding, at);
        }),
        columnKind: 'unicodeCodePoints',
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}
