// Parses what a Gateway asks for. Its listeners are read by listener.ts.
import { type Cursor, openBody } from '#libs/gateway/fields/cursor.ts';
import { type FrontendTls, parseFrontendTls } from '#libs/gateway/fields/frontend-tls.ts';
import { type Infrastructure, parseInfrastructure } from '#libs/gateway/fields/infrastructure.ts';
import { ignoredFields, ignoredInItems } from '#libs/gateway/fields/ignored-fields.ts';
import {
  type AllowedNamespaces,
  ignoredInListeners,
  type Listener,
  parseAllowedNamespaces,
  parseListeners,
} from './listener.ts';
import type { Scopes } from './served-api.ts';
import { objectName } from '#libs/gateway/fields/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type ObjectRef, parseObjectRef } from '#libs/gateway/fields/object-ref.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';

/** An address that the user asks for. */
export interface AddressWish {
  /** As written; IPAddress and Hostname are known. */
  readonly type: string;
  /** '' = any of the type. */
  readonly value: string;
  /** From where it must be reachable (GEP-5093), as written; '' = nothing is said. */
  readonly routability: string;
}

interface Gateway {
  readonly className: string;
  readonly listeners: readonly Listener[];
  readonly addresses: readonly AddressWish[];
  readonly infrastructure: Infrastructure;
  /** Which namespaces' ListenerSets may add listeners. */
  readonly allowedListeners: AllowedNamespaces;
  readonly frontend: FrontendTls;
  /** The certificate to show to backends. */
  readonly backendCertificate?: ObjectRef | { readonly unreadable: string };
  /** Mistakes outside the listeners, and listeners without a usable name. */
  readonly problems: readonly Problem[];
  /** Fields that are left out. */
  readonly ignored: readonly string[];
}

/** Gives the name of the class, or undefined where there is none to read. */
export function gatewayClassName(object: KubeObject): string | undefined {
  return openBody(object, 'spec').at.field('gatewayClassName').text(objectName);
}

/** Reads a Gateway of a cluster with these scopes. Whatever it holds, this gives a value. */
export function parseGateway(object: KubeObject, namespace: string, scopes: Scopes): Gateway {
  const { at, problems } = openBody(object, 'spec');
  at.requiredObject();
  const className = at.field('gatewayClassName').requiredText(objectName) ?? '';
  const tls = at.field('tls');
  tls.object();
  const backendCertificate = parseBackendCertificate(tls.field('backend'), namespace);
  at.field('allowedListeners').object();
  return {
    className,
    listeners: parseListeners(at, namespace),
    addresses: at.field('addresses').items(16).map(parseAddress),
    infrastructure: parseInfrastructure(at.field('infrastructure'), namespace),
    allowedListeners: parseAllowedNamespaces(at.field('allowedListeners').field('namespaces'), 'None'),
    frontend: parseFrontendTls(tls.field('frontend'), namespace),
    ...(backendCertificate === undefined ? {} : { backendCertificate }),
    problems,
    ignored: [
      ...ignoredFields(at, ['defaultScope']),
      ...(scopes === 'none' ? ignoredInItems(at.field('addresses'), 16, ['routability']) : []),
      ...ignoredInListeners(at),
    ],
  };
}

/** What cannot be read is an address that nobody has. */
function parseAddress(at: Cursor): AddressWish {
  at.requiredObject();
  const type = at.field('type').present ? at.field('type').text({ min: 1, max: 253 }) : 'IPAddress';
  const value = at.field('value').present ? at.field('value').text({ max: 253 }) : '';
  const routability = at.field('routability').present ? at.field('routability').text({ max: 253 }) : '';
  return { type: type ?? 'unreadable', value: value ?? 'unreadable', routability: routability ?? 'unreadable' };
}

function parseBackendCertificate(backend: Cursor, namespace: string): Gateway['backendCertificate'] {
  const problems: Problem[] = [];
  const at = backend.into(problems);
  at.object();
  const ref = at.field('clientCertificateRef');
  const parsed = ref.present ? parseObjectRef(ref, namespace, 'Secret') : undefined;
  const [problem] = problems;
  return problem === undefined ? parsed : { unreadable: describeProblem(problem) };
}
