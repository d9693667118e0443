package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Signatures have the formats of cosign: those of images and charts are over a payload that
// names their digest ("simple signing"), those of provenance over a DSSE envelope. Making
// and checking them takes the standard library only, not cosign or its 400 modules.

// cosignSignature is the annotation of a payload with its signature.
const cosignSignature = "dev.cosignproject.cosign/signature"

// payload is what the signature of an image or chart is over.
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]string `json:"optional"`
}

const payloadType = "cosign container image signature"

func signingPayload(repository string, digest v1.Hash) ([]byte, error) {
	var p payload
	p.Critical.Identity.Reference = repository
	p.Critical.Image.Digest = digest.String()
	p.Critical.Type = payloadType
	return json.Marshal(p)
}

// checkPayload checks that a signed payload is for this digest. The repository that it names
// is that of whoever signed: a mirror has another.
func checkPayload(text []byte, digest v1.Hash) error {
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	c := p.Critical
	if c.Type != payloadType || c.Image.Digest != digest.String() {
		return fmt.Errorf("it is for %s %s (%s)", c.Identity.Reference, c.Image.Digest, c.Type)
	}
	return nil
}

// sign returns a signature in base64.
func sign(key *ecdsa.PrivateKey, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

var errSignature = errors.New("not signed by this key")

func checkSignature(key *ecdsa.PublicKey, text []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", errSignature, err)
	}
	sum := sha256.Sum256(text)
	if !ecdsa.VerifyASN1(key, sum[:], raw) {
		return errSignature
	}
	return nil
}

// envelope is a DSSE envelope with one signature.
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	} `json:"signatures"`

	payload []byte
}

// encoding returns what the signature of an envelope is over.
func (e envelope) encoding() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.payload), e.payload)
}

func sealStatement(key *ecdsa.PrivateKey, text []byte) ([]byte, error) {
	e := envelope{PayloadType: string(inToto), Payload: base64.StdEncoding.EncodeToString(text), payload: text}
	signature, err := sign(key, e.encoding())
	if err != nil {
		return nil, err
	}
	e.Signatures = append(e.Signatures, struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}{Sig: signature})
	return json.Marshal(e)
}

func readEnvelope(text []byte) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return envelope{}, err
	}
	if e.PayloadType != string(inToto) || len(e.Signatures) != 1 {
		return envelope{}, fmt.Errorf("an envelope of %q with %d signatures, want one of %s with 1", e.PayloadType, len(e.Signatures), inToto)
	}
	var err error
	e.payload, err = base64.StdEncoding.DecodeString(e.Payload)
	return e, err
}

// readPrivateKey reads a key as openssl writes it.
func readPrivateKey(file string) (*ecdsa.PrivateKey, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s has no unencrypted private key in PEM", file)
		}
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // openssl ecparam writes the name of the curve first
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if k, ok := key.(*ecdsa.PrivateKey); ok && k.Curve == elliptic.P256() {
			return k, nil
		}
		return nil, fmt.Errorf("%s has no ECDSA key of the curve P-256", file)
	}
}

func readPublicKey(file string) (*ecdsa.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("%s has no public key in PEM", file)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if k, ok := key.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P256() {
		return k, nil
	}
	return nil, fmt.Errorf("%s has no ECDSA key of the curve P-256", file)
}
