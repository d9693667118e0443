package domain

import (
	"errors"
	"time"
)

// ErrModelNotFound says that the store has no model of the version that was asked for.
var ErrModelNotFound = errors.New("model not found")

// StoredModel is a trained model as a store keeps it: package models encodes and
// decodes the artefact.
type StoredModel struct {
	Version   string
	CreatedAt time.Time
	Metadata  []byte // JSON
	Artefact  []byte
}

// TrialSuffix follows the version of a model in that of its trial: a model of the same data
// without the readers that both are measured on. It is never active.
const TrialSuffix = "-trial"
