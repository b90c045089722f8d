// Writes and reads the keys of entries.
//
//   listener/<name>                              one accepted listener of the gateway, its own or of a ListenerSet
//   rule/<kind>/<namespace>/<name>/<index>       one rule of one route (its cluster is the gateway's)
//   backend/<cluster>/<namespace>/<service>/<port>[/udp]   one port of one Service
import { type LocalName, toLocalKey } from '#libs/gateway/object-key.ts';
import { parseServicePortKey, type ServicePortName, toServicePortKey } from './service-port.ts';

/** Holds what an entry's key says. */
type EntryName =
  | { readonly type: 'listener'; readonly name: string }
  | { readonly type: 'rule'; readonly route: LocalName; readonly index: number }
  | { readonly type: 'backend'; readonly port: ServicePortName };

const listenerPrefix = 'listener/';
const rulePrefix = 'rule/';
const backendPrefix = 'backend/';

/** Writes the key of a listener by ListenerEntry.name, which may hold slashes. */
export function toListenerKey(name: string): string {
  return `${listenerPrefix}${name}`;
}

/** Writes the key of a rule by its route and its place among the route's rules, from 0. */
export function toRuleKey(route: LocalName, index: number): string {
  return `${rulePrefix}${toLocalKey(route)}/${index}`;
}

/** Writes the key of a backend. */
export function toBackendKey(port: ServicePortName): string {
  return `${backendPrefix}${toServicePortKey(port)}`;
}

/** Tells whether a key is that of a listener, without reading the rest. */
export function isListenerKey(key: string): boolean {
  return key.startsWith(listenerPrefix);
}

/** Tells whether a key is that of a rule, without reading the rest. */
export function isRuleKey(key: string): boolean {
  return key.startsWith(rulePrefix);
}

/** The route that a rule's key names, as text; equal texts are one route. */
export function routeTextOfRuleKey(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** Reads the key of an entry; undefined = it is of no type that is known here. */
export function parseEntryKey(key: string): EntryName | undefined {
  if (isListenerKey(key)) return { type: 'listener', name: key.slice(listenerPrefix.length) };
  if (isRuleKey(key)) return parseRule(key.slice(rulePrefix.length));
  const port = key.startsWith(backendPrefix) ? parseServicePortKey(key.slice(backendPrefix.length)) : undefined;
  return port && { type: 'backend', port };
}

function parseRule(text: string): EntryName | undefined {
  const [kind, namespace, name, index, ...rest] = text.split('/');
  if (kind === undefined || namespace === undefined || name === undefined || index === undefined) return undefined;
  return rest.length > 0 ? undefined : { type: 'rule', route: { kind, namespace, name }, index: Number(index) };
}
