// Tests what `agent install` says of the CRDs of a cluster: the release that is there, and never an older one.
import t from 'tap';
import { kinds } from '#libs/gateway/kinds.ts';
import { MisbehavingApiServer } from '../testing/misbehaving-api-server.ts';
import { describeRelease } from './gateway-api-release.ts';
import { InstallClient } from './install-client.ts';

const group = 'gateway.networking.k8s.io';
const plurals = kinds.filter((info) => info.group === group).map(({ plural }) => plural);
const crdsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const policiesPath = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';

const server = new MisbehavingApiServer();
const api = await server.start();
t.teardown(async () => {
  await api.close();
  await server.stop();
});

/** An object of a release, as a list of metadata has it. */
function listed(name: string, version: string, channel: string): object {
  return { metadata: { name, annotations: { [`${group}/bundle-version`]: version, [`${group}/channel`]: channel } } };
}

function install(crds: readonly object[], policyVersion?: string): void {
  const foreign = { metadata: { name: 'certificates.cert-manager.io', annotations: { [`${group}/channel`]: 'none' } } };
  server.documents.set(crdsPath, { items: [foreign, ...crds] });
  const name = `safe-upgrades.${group}`;
  server.documents.set(policiesPath, {
    items: policyVersion === undefined ? [] : [listed(name, policyVersion, 'standard')],
  });
}

const allOf = (version: string, channel = 'standard'): readonly object[] =>
  plurals.map((plural) => listed(`${plural}.${group}`, version, channel));
const describe = async (): Promise<string> => (await describeRelease(new InstallClient(api, 'for real'))).join('\n');
const urlOf = (version: string, channel = 'standard'): string => `/download/${version}/${channel}-install.yaml`;

await t.test('no CRDs: the newest, or what its policy has seen', async (t) => {
  install([]);
  t.match(await describe(), /no Gateway API CRDs/);
  t.ok((await describe()).includes(urlOf('v1.7.0')));
  install([], 'v1.10.0');
  t.ok((await describe()).includes(urlOf('v1.10.0')));
});

await t.test('the release that is there, with nothing to advise', async (t) => {
  install(allOf('v1.6.3', 'experimental'), 'v1.6.3');
  t.equal(await describe(), 'The cluster has the CRDs of Gateway API v1.6.3, experimental channel.');
  install(allOf('v1.9.1'));
  t.equal(await describe(), 'The cluster has the CRDs of Gateway API v1.9.1, standard channel.');
});

await t.test('kinds that are missing come with a newer release, of the channel that is there', async (t) => {
  install(allOf('v1.4.0', 'experimental').slice(1));
  t.match(await describe(), new RegExp(`They lack ${plurals[0]}\\.`));
  t.ok((await describe()).includes(urlOf('v1.7.0', 'experimental')));
  install(allOf('v1.8.0').slice(1));
  t.ok((await describe()).includes(urlOf('v1.8.0')), 'never an older one');
});

await t.test('an older install over a newer one is told of, before a second try downgrades all', async (t) => {
  for (const [crds, policy] of [
    [allOf('v1.7.0'), 'v1.6.3'],
    [[...allOf('v1.7.0').slice(1), ...allOf('v1.6.3').slice(0, 1)], 'v1.7.0'],
    [allOf('v1.7.0'), 'v1.7.0-rc.3'],
  ] as const) {
    install(crds, policy);
    const said = await describe();
    t.match(said, /Gateway API v1\.7\.0, standard channel/);
    t.match(said, /warning: some of what came with them is of v1\.(6\.3|7\.0-rc\.3)/);
    t.ok(said.includes(urlOf('v1.7.0')));
    t.notOk(said.includes(urlOf('v1.6.3')));
  }
});

await t.test('who may not list CRDs is told nothing', async (t) => {
  server.failing.set(crdsPath, 403);
  t.equal(await describe(), '');
});
