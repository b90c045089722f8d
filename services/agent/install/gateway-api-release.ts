// Says which release of the Gateway API a cluster has, and names that release in what is advised: an older one, applied
// over a newer, is no help. The policy that comes with the CRDs of v1.7.0 refuses older CRDs, and not the older policy:
// a second try of the older install would go through and downgrade all.
import { kinds } from '#libs/gateway/kinds.ts';
import type { InstallClient } from './install-client.ts';

/** Holds what the CRDs of the Gateway API in a cluster say of themselves. */
interface InstalledRelease {
  /** Newest first, each once: `v1.7.0`. */
  readonly versions: readonly string[];
  readonly channel: string;
  /** Plurals of kinds that Fleetgate serves and the cluster lacks. */
  readonly missing: readonly string[];
  /** Of the policy that guards upgrades; undefined = there is none. */
  readonly policyVersion: string | undefined;
}

/** The release that is advised where the cluster has no newer one. */
const newestVersion = 'v1.7.0';
const group = 'gateway.networking.k8s.io';
const policyName = `safe-upgrades.${group}`;
const releases = 'https://github.com/kubernetes-sigs/gateway-api/releases/download';

/** Gives what who installs an agent should know; nothing where the context may not list CRDs. Throws FleetgateError. */
export async function describeRelease(client: InstallClient): Promise<readonly string[]> {
  const crds = await client.listAnnotations('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  if (crds === null) return [];
  const guards = await client.listAnnotations('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
  const own = [...crds].filter(([name]) => name.endsWith(`.${group}`));
  const served = kinds.filter((info) => info.group === group).map(({ plural }) => plural);
  const versions = new Set(
    own.map(([, annotations]) => annotations[`${group}/bundle-version`] ?? 'an unknown version'),
  );
  return adviceOn({
    versions: [...versions].toSorted(compareVersions).toReversed(),
    channel: own.map(([, annotations]) => annotations[`${group}/channel`]).find(Boolean) ?? 'standard',
    missing: served.filter((plural) => !crds.has(`${plural}.${group}`)),
    policyVersion: guards?.get(policyName)?.[`${group}/bundle-version`],
  });
}

function adviceOn({ versions, channel, missing, policyVersion }: InstalledRelease): readonly string[] {
  const [version] = versions;
  if (version === undefined) {
    return [
      'The cluster has no Gateway API CRDs. Install them, then run this again for the GatewayClass:\n  ' +
        installCommand(newerOf(policyVersion, newestVersion), 'standard'),
    ];
  }
  const said = [`The cluster has the CRDs of Gateway API ${version}, ${channel} channel.`];
  const older = [...versions, policyVersion].find((each) => each !== undefined && compareVersions(each, version) < 0);
  if (older !== undefined) {
    said.push(
      `warning: some of what came with them is of ${older}: an older install was applied over a newer one. ` +
        `Do not apply it again, which would downgrade all; apply the newer:\n  ${installCommand(version, channel)}`,
    );
  }
  if (missing.length > 0) {
    const wanted = newerOf(version, newestVersion);
    said.push(`They lack ${missing.join(', ')}. Those of ${wanted} have them:\n  ${installCommand(wanted, channel)}`);
  }
  return said;
}

function installCommand(version: string, channel: string): string {
  return `kubectl apply --server-side -f ${releases}/${version}/${channel}-install.yaml`;
}

function newerOf(one: string | undefined, other: string): string {
  return one !== undefined && compareVersions(one, other) > 0 ? one : other;
}

/** Compares `v1.7.0` and `v1.7.0-rc.1` by their numbers; a candidate is older than its release, other text than all. */
function compareVersions(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => {
    const [, numbers = '', candidate] = /^v(\d+\.\d+\.\d+)(-.*)?$/.exec(text) ?? [];
    const parts = numbers === '' ? [-1, -1, -1] : numbers.split('.').map(Number);
    return [...parts, candidate === undefined ? 1 : 0];
  });
  return one?.map((part, at) => part - (other?.[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
