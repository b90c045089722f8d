// Lets a request find its routes. Routes are in scopes, each with a table of its own, so that a change costs the tables
// that it touches. A scope is chosen by one header that Fleetgate sets over whatever a client sent, before routing:
//
//   x-fleetgate-scope: <chain>|<Host>
//   chain = `80` on an HTTP port, `443/<listener hostname>` on a chain of an HTTPS port
//
//   1. scope (chain, Host): an exact hostname in its canonical form; native, without a script
//   2. if that gave no route, the host filter: Host in lower case, without port and trailing dot, again as 1
//   3. the locator, scope (port, '#'): one virtual host per hostname of listeners and per wildcard of routes; Envoy's
//      own hostname matching finds the most specific, whose metadata names the scope that serves it. On another chain
//      than this: 421, unless the connection was made for this very host, before its listener came or went, and nothing
//      more is demanded of its client now.
//
// Envoy leaves the filters out where step 1 found a route (`disabled` in the virtual host). A script can ask for the
// route of a request once per filter, hence two filters: the second locates what the first had to try in canonical
// form. Upstreams never see the header.
import { imitatedHeaders } from '#libs/snapshot/imitated-headers.ts';
import type { ProtoMessage } from './resources.ts';

export const scopeHeader = 'x-fleetgate-scope';
/** Separates chain and hostname; Envoy itself refuses a Host with it. */
const scopeSeparator = '|';
/** Stands for the hostname in the key of a port's locator. */
export const locatorHostname = '#';

const hostFilter = 'fleetgate.host';
const locatorFilter = 'fleetgate.locator';

/** Where a hostname is served: chain and hostname of the scope. */
export interface Located {
  readonly chain: string;
  readonly hostname: string;
  /** The chain demands certificates of its clients: connections of other chains never get there. */
  readonly isGuarded: boolean;
}

/** Gives the name of a scope; the fragments of its key are the same two words. */
export function scopeName(chain: string, hostname: string): string {
  return `${chain}${scopeSeparator}${hostname}`;
}

/** Gives the key of a scope. */
export function scopeKey(chain: string, hostname: string): ProtoMessage {
  return { fragments: [{ string_key: chain }, { string_key: hostname }] };
}

/** Builds the key from the header. */
export const scopeKeyBuilder: ProtoMessage = {
  fragments: [0, 1].map((index) => ({
    header_value_extractor: { name: scopeHeader, element_separator: scopeSeparator, index },
  })),
};

/** Of routes in scopes of exact hostnames: tells the host filter that it found one. */
export const foundMetadata: ProtoMessage = { filter_metadata: { [hostFilter]: { found: true } } };

/** Gives the metadata of a route in a locator. */
export function locatedMetadata({ chain, hostname, isGuarded }: Located): ProtoMessage {
  const where = { chain, scope: scopeName(chain, hostname), ...(isGuarded ? { guarded: true } : {}) };
  return { filter_metadata: { [hostFilter]: where, [locatorFilter]: where } };
}

const off: ProtoMessage = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true };

/** Of virtual hosts in scopes of exact hostnames. */
export const selectionOff: ProtoMessage = { [hostFilter]: off, [locatorFilter]: off };

/** Sets the header on every request of a chain, before anything is routed; imitated headers go at the same time. */
export function scopeMutation(chain: string): ProtoMessage {
  const header = { key: scopeHeader, value: scopeName(chain, '%REQ(:AUTHORITY)%') };
  return {
    name: 'fleetgate.scope',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
      mutations: [
        ...[...imitatedHeaders].map((name) => ({ remove: name })),
        { remove: scopeHeader },
        { append: { header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } },
      ],
    },
  };
}

/** Follows what the locator says about the request, asked for by `handle:metadata()`. */
const locate = `
local key = '${scopeHeader}'
local function locate(handle, headers, chain, host)
  local place = handle:metadata()
  local owner = place:get('chain')
  if owner == nil then return end
  local made = not place:get('guarded') and string.lower(handle:streamInfo():requestedServerName()) == host
  if owner ~= chain and not made then
    handle:respond({ [':status'] = '421' }, 'this connection is for another host')
    return
  end
  headers:replace(key, place:get('scope'))
  handle:clearRouteCache()
end
`;

const hostScript = `${locate}
function envoy_on_request(handle)
  local headers = handle:headers()
  local value = headers:get(key) or ''
  local bar = string.find(value, '|', 1, true)
  if not bar then return end
  local chain, raw = string.sub(value, 1, bar - 1), string.sub(value, bar + 1)
  if string.find(raw, ',', 1, true) then
    handle:respond({ [':status'] = '400' }, 'more than one Host')
    return
  end
  local host = string.gsub(string.lower(raw), ':%d*$', '')
  if string.sub(host, -1) == '.' then host = string.sub(host, 1, -2) end
  if host ~= raw then
    headers:replace(key, chain .. '|' .. host)
    handle:clearRouteCache()
    if handle:metadata():get('found') then return end
  end
  headers:replace(key, string.gsub(chain, '/.*', '') .. '|#|' .. chain .. '|' .. host)
  handle:clearRouteCache()
  if host == raw then locate(handle, headers, chain, host) end
end
`;

const locatorScript = `${locate}
function envoy_on_request(handle)
  local headers = handle:headers()
  local chain, host = string.match(headers:get(key) or '', '^%d+|#|([^|]*)|(.*)$')
  if chain then locate(handle, headers, chain, host) end
end
`;

/** The HTTP filters that choose a scope where its name alone did not. */
export const selectionFilters: readonly ProtoMessage[] = [
  luaFilter(hostFilter, hostScript),
  luaFilter(locatorFilter, locatorScript),
];

function luaFilter(name: string, script: string): ProtoMessage {
  return {
    name,
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
      default_source_code: { inline_string: script },
    },
  };
}
