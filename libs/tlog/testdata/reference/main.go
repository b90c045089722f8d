// Prints what the reference implementations of the transparency formats make of fixed input, as JSON, for the tests
// beside the folder above:
//
//	GOTOOLCHAIN=go1.27.4 go run . > ../reference.json
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	origin  = "fleet.example/history"
	largest = 66_000
	bundled = 300
)

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		list[i] = h[index]
	}
	return list, nil
}

type root struct {
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
}

type tile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

type inclusion struct {
	Size  int64            `json:"size"`
	Index int64            `json:"index"`
	Proof tlog.RecordProof `json:"proof"`
}

type consistency struct {
	Size  int64          `json:"size"`
	Older int64          `json:"older"`
	Proof tlog.TreeProof `json:"proof"`
}

func leaf(i int64) []byte { return []byte(fmt.Sprintf("leaf %d", i)) }

func try[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// seeded makes a key pair that is the same in every run.
func seeded(name string, text string, algorithm byte) (skey, vkey string, private ed25519.PrivateKey) {
	seed := sha256.Sum256([]byte(text))
	private = ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{algorithm}, private[32:]...)
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	id := binary.BigEndian.Uint32(sum[:])
	skey = fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(append([]byte{algorithm}, seed[:]...)))
	vkey = fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(public))
	return skey, vkey, private
}

func main() {
	var stored hashes
	for i := int64(0); i < largest; i++ {
		stored = append(stored, try(tlog.StoredHashes(i, leaf(i), stored))...)
	}

	roots := []root{{0, tlog.Hash(sha256.Sum256(nil))}}
	sizes := []int64{}
	for size := int64(1); size <= 40; size++ {
		sizes = append(sizes, size)
	}
	sizes = append(sizes, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, largest)
	for _, size := range sizes {
		roots = append(roots, root{size, try(tlog.TreeHash(size, stored))})
	}

	tiles := []tile{}
	for _, t := range tlog.NewTiles(torchwood.TileHeight, 0, largest) {
		data := try(tlog.ReadTileData(t, stored))
		tiles = append(tiles, tile{torchwood.TilePath(t), fmt.Sprintf("%x", sha256.Sum256(data))})
	}

	inclusions := []inclusion{}
	for _, size := range []int64{1, 2, 3, 7, 8, 13, 256, 257, 1000, largest} {
		for _, index := range []int64{0, 1, 2, 5, 6, 7, 12, 255, 256, 300, 999, 65_535, 65_536, 65_999} {
			if index < size {
				inclusions = append(inclusions, inclusion{size, index, try(tlog.ProveRecord(size, index, stored))})
			}
		}
	}

	consistencies := []consistency{}
	for _, size := range []int64{1, 2, 3, 7, 8, 13, 256, 257, 1000, largest} {
		for _, older := range []int64{1, 2, 3, 4, 6, 7, 8, 13, 255, 256, 257, 999, 65_536, 65_537, 66_000} {
			if older <= size {
				consistencies = append(consistencies, consistency{size, older, try(tlog.ProveTree(size, older, stored))})
			}
		}
	}

	bundle := []byte{}
	for i := int64(256); i < bundled; i++ {
		bundle = try(torchwood.AppendTileEntry(bundle, leaf(i)))
	}

	skey, vkey, _ := seeded(origin, "the key of the log", 1)
	signer := try(note.NewSigner(skey))
	if verified := try(note.NewVerifier(vkey)); verified.KeyHash() != signer.KeyHash() {
		panic("the ids of the keys differ")
	}
	otherKey, otherVkey, _ := seeded(origin, "the next key of the log", 1)
	other := try(note.NewSigner(otherKey))
	_, _, witnessPrivate := seeded("witness.example/w1", "the key of the witness", 4)
	witness := try(torchwood.NewCosignatureSigner("witness.example/w1", witnessPrivate))

	checkpoint := torchwood.Checkpoint{
		Origin: origin, Tree: tlog.Tree{N: bundled, Hash: try(tlog.TreeHash(bundled, stored))},
	}
	signed := string(try(note.Sign(&note.Note{Text: checkpoint.String()}, signer)))
	overlapped := string(try(note.Sign(&note.Note{Text: checkpoint.String()}, signer, other)))
	cosigned := string(try(note.Sign(&note.Note{Text: checkpoint.String()}, signer, witness)))

	proof := torchwood.FormatProofWithExtraData(7, leaf(7), try(tlog.ProveRecord(bundled, 7, stored)), []byte(signed))

	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]any{
		"origin": origin, "largest": largest, "bundled": bundled,
		"roots": roots, "tiles": tiles, "inclusions": inclusions, "consistencies": consistencies,
		"bundle": bundle, "skey": skey, "vkey": vkey, "otherSkey": otherKey, "otherVkey": otherVkey,
		"witnessVkey": witness.Verifier().String(),
		"witnessSeed": witnessPrivate.Seed(),
		"checkpoint":  checkpoint.String(), "signed": signed, "overlapped": overlapped, "cosigned": cosigned,
		"proof": string(proof),
	})
}
