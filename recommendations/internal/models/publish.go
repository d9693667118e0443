package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bookstall/recommendations/internal/domain"
)

// TrainLock is the lock of the store that whoever trains holds, so that others
// wait for that model and train none of their own.
const TrainLock = "train"

// Store is the part of a store that keeps models.
type Store interface {
	Model(ctx context.Context, version string) (domain.StoredModel, error)
	SaveModel(ctx context.Context, m domain.StoredModel) error
	Activate(ctx context.Context, version string) error
}

// Load reads a model from a store.
//
// Errors: domain.ErrModelNotFound, ErrDamaged, ErrUnknownFormat.
func Load(ctx context.Context, from Store, version string) (Model, error) {
	stored, err := from.Model(ctx, version)
	if err != nil {
		return Model{}, err
	}
	m, err := Decode(stored.Artefact)
	m.Metadata.Created = stored.CreatedAt
	return m, err
}

// Publish saves a model in a store, activates it there if asked to, and returns it
// as it was saved.
func Publish(ctx context.Context, to Store, m Model, activate bool) (domain.StoredModel, error) {
	stored, err := encodeForStore(m, time.Now())
	if err != nil {
		return domain.StoredModel{}, err
	}
	if err := to.SaveModel(ctx, stored); err != nil {
		return domain.StoredModel{}, err
	}
	if activate {
		err = to.Activate(ctx, stored.Version)
	}
	return stored, err
}

// SaveTrial saves the trial of a model.
func SaveTrial(ctx context.Context, to Store, version string, trial Model) error {
	stored, err := encodeForStore(trial, time.Now())
	if err != nil {
		return err
	}
	stored.Version = version + domain.TrialSuffix
	return to.SaveModel(ctx, stored)
}

func encodeForStore(m Model, created time.Time) (domain.StoredModel, error) {
	metadata, err := json.Marshal(m.Metadata)
	if err != nil {
		return domain.StoredModel{}, fmt.Errorf("metadata: %w", err)
	}
	m.Metadata.Aside = ""
	artefact, err := Encode(m)
	if err != nil {
		return domain.StoredModel{}, fmt.Errorf("encode: %w", err)
	}
	return domain.StoredModel{Version: Version(artefact), CreatedAt: created, Metadata: metadata, Artefact: artefact}, nil
}
