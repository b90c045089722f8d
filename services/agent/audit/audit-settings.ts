// Reads from the options of an agent where it learns who changes its cluster.
import { readFileSync } from 'node:fs';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { AgentOptions } from '../options.ts';
import type { ReceiverOptions } from './receiver.ts';

export interface AuditSettings {
  /** Null = it does not listen. */
  readonly listen: Pick<ReceiverOptions, 'host' | 'port' | 'certificateFile' | 'keyFile' | 'token' | 'clientCa'> | null;
  readonly file: string | undefined;
  readonly placeFile: string | undefined;
  readonly waitMs: number;
}

type Given = Pick<
  AgentOptions,
  | 'auditListen'
  | 'auditCertFile'
  | 'auditKeyFile'
  | 'auditToken'
  | 'auditClientCaFile'
  | 'auditFile'
  | 'auditPlaceFile'
  | 'auditWait'
>;

/**
 * Null where the agent is told of no audit. Throws FleetgateError 'config' for a receiver that anybody could write to,
 * 'file'.
 */
export function readAuditSettings(options: Given): AuditSettings | null {
  const { auditListen, auditFile, auditPlaceFile, auditWait } = options;
  if (auditListen === undefined && auditFile === undefined) return null;
  return { listen: readListen(options), file: auditFile, placeFile: auditPlaceFile, waitMs: auditWait };
}

function readListen(options: Given): AuditSettings['listen'] {
  const { auditListen, auditCertFile, auditKeyFile, auditToken, auditClientCaFile } = options;
  if (auditListen === undefined) return null;
  const [, host = '', port = ''] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(auditListen) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw fail('config', `--audit-listen ${JSON.stringify(auditListen)}: must be HOST:PORT, such as 0.0.0.0:7424`);
  if (auditCertFile === undefined || auditKeyFile === undefined)
    throw fail('config', '--audit-listen needs --audit-cert-file and --audit-key-file');
  if (auditToken === undefined && auditClientCaFile === undefined) {
    throw fail('config', '--audit-listen needs --audit-token or --audit-client-ca-file', {
      hint: 'Else anybody who reaches the agent could say who changed what.',
    });
  }
  return {
    host,
    port: Number(port),
    certificateFile: auditCertFile,
    keyFile: auditKeyFile,
    token: auditToken,
    clientCa: auditClientCaFile === undefined ? undefined : readText(auditClientCaFile),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  }
}
