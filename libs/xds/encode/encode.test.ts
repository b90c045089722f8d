// Bytes on the wire against protobufjs' own reading and writing of them.
import t from 'tap';
import { decodeDeltaRequest, encodeDeltaResponse, encodeResource } from './encode.ts';
import { encodeMessage } from './encode-message.ts';
import { protoType } from './proto-types.ts';
import type { ProtoMessage } from '#libs/xds/envoy/resources.ts';

/** A message as protobufjs reads our bytes. */
function read(type: string, message: ProtoMessage): unknown {
  const proto = protoType(type);
  const json: unknown = JSON.parse(
    JSON.stringify(
      proto.toObject(proto.decode(encodeMessage(type, message)), { enums: String, longs: Number, bytes: String }),
    ),
  );
  return json;
}

void t.test('messages', async (t) => {
  t.strictSame(
    read('envoy.config.cluster.v3.Cluster', {
      name: 'a',
      type: 'EDS',
      connect_timeout: '1.25s',
      per_connection_buffer_limit_bytes: 5,
      common_lb_config: { healthy_panic_threshold: { value: 12.5 } },
      metadata: { filter_metadata: { filter: { text: 'x', number: 1.5, yes: true } } },
      typed_extension_protocol_options: {
        any: { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true },
      },
      wait_for_warm_on_init: false,
      outlier_detection: undefined,
    }),
    {
      name: 'a',
      type: 'EDS',
      connect_timeout: { seconds: 1, nanos: 250_000_000 },
      per_connection_buffer_limit_bytes: { value: 5 },
      common_lb_config: { healthy_panic_threshold: { value: 12.5 } },
      metadata: {
        filter_metadata: {
          filter: { fields: { text: { stringValue: 'x' }, number: { numberValue: 1.5 }, yes: { boolValue: true } } },
        },
      },
      typed_extension_protocol_options: {
        any: {
          type_url: 'type.googleapis.com/envoy.config.route.v3.FilterConfig',
          value: Buffer.from(encodeMessage('envoy.config.route.v3.FilterConfig', { disabled: true })).toString(
            'base64',
          ),
        },
      },
      wait_for_warm_on_init: { value: false },
    },
  );
  t.strictSame(read('envoy.config.route.v3.RetryPolicy', { retriable_status_codes: [500, 503], num_retries: 0 }), {
    retriable_status_codes: [500, 503],
    num_retries: { value: 0 },
  });
});

void t.test('what a type does not have', async (t) => {
  const cluster = 'envoy.config.cluster.v3.Cluster';
  const wrong: readonly ProtoMessage[] = [
    { nmae: 'x' },
    { name: 1 },
    { type: 'NONE_SUCH' },
    { connect_timeout: '5' },
    { load_assignment: 'x' },
    { filters: {} },
    { typed_extension_protocol_options: { any: { disabled: true } } },
    { typed_extension_protocol_options: { any: { '@type': 'type.googleapis.com/none.Such' } } },
    { metadata: { filter_metadata: { a: { b: null } } } },
  ];
  for (const message of wrong) t.throws(() => encodeMessage(cluster, message), JSON.stringify(message));
  t.throws(() => encodeResource({ type: 'cluster', name: 'a', message: { routes: [] } }));
});

void t.test('discovery messages', async (t) => {
  const type = protoType('envoy.service.discovery.v3.DeltaDiscoveryRequest');
  const bytes = type
    .encode({
      node: { id: 'node', user_agent_name: 'envoy' },
      type_url: 'type',
      resource_names_subscribe: ['*', 'a'],
      resource_names_unsubscribe: ['b'],
      initial_resource_versions: { a: '1', c: '2' },
      response_nonce: 'n',
      error_detail: { code: 13, message: 'no' },
    })
    .finish();
  t.strictSame(decodeDeltaRequest(bytes), {
    nodeId: 'node',
    typeUrl: 'type',
    subscribe: ['*', 'a'],
    unsubscribe: ['b'],
    initialVersions: { a: '1', c: '2' },
    nonce: 'n',
    error: 'no',
  });
  const empty = decodeDeltaRequest(type.encode({ error_detail: {} }).finish());
  t.strictSame(empty, {
    nodeId: undefined,
    typeUrl: '',
    subscribe: [],
    unsubscribe: [],
    initialVersions: {},
    nonce: '',
    error: 'no reason given',
  });
  t.equal(decodeDeltaRequest(new Uint8Array()).error, undefined);
  t.throws(() => decodeDeltaRequest(Buffer.from([0xff, 0xff, 0xff])));
  const response = protoType('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  const body = encodeResource({ type: 'endpoints', name: 'e', message: { cluster_name: 'e' } });
  const sent = encodeDeltaResponse({
    typeUrl: 'type',
    resources: [{ name: 'e', version: '7', body }],
    removed: ['gone'],
    nonce: 'n',
  });
  t.strictSame(JSON.parse(JSON.stringify(response.toObject(response.decode(sent), { bytes: String }))), {
    resources: [
      { name: 'e', version: '7', resource: { type_url: 'type', value: Buffer.from(body).toString('base64') } },
    ],
    type_url: 'type',
    removed_resources: ['gone'],
    nonce: 'n',
  });
});
