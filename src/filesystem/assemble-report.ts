/** Assembles the findings of a probe into the frozen report that users see. Pure. */
import type { FilesystemReport, SandboxMarkers, FilesystemEvidence } from './report';
import type { GroundJudgement } from './classify';

export interface ReportSurroundings {
  readonly platform: NodeJS.Platform;
  readonly sandbox: SandboxMarkers;
}

export function assembleReport(path: string, result: ProbeResult, surroundings: ReportSurroundings): FilesystemReport {
  const { rule, class: kind, verdict, reason, durable, warnings } = result.judgement;
  return deepFreeze({
    path,
    target: result.target,
    platform: surroundings.platform,
    mountPoint: result.mountPoint,
    type: result.type,
    source: result.source,
    root: result.root,
    options: [...result.options],
    superOptions: [...result.superOptions],
    class: kind,
    verdict,
    reason,
    durable,
    warnings: warnings.map(warning => ({ ...warning })),
    sandbox: { ...surroundings.sandbox },
    evidence: { rule, ...result.evidence },
  });
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}

// The result that each platform's probe passes to `inspectFilesystem`.

export interface ProbeResult {
  readonly target: string;
  readonly mountPoint: string | null;
  readonly type: string;
  readonly source: string | null;
  readonly root: string | null;
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
  readonly judgement: GroundJudgement;
  readonly evidence: Omit<FilesystemEvidence, 'rule'>;
}
