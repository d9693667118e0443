package evaluate

import "testing"

// Every implementation of the protocol must reproduce these values.
func TestHash(t *testing.T) {
	tests := []struct {
		s    string
		want uint64
		fold uint64
	}{
		{"1", 0xaf63ac4c86019afc, 3},
		{"42", 0x07ee7e07b4b19223, 1},
		{"10000", 0x82e4187659c7dffc, 3},
		{"53424", 0x67e6ebe617c538b1, 1},
		{"1:258", 0x9dd93043aed9a035, 3},
		{"2:4081", 0x067b93e59c62e7be, 0},
		{"53424:10000", 0x3471b0353ab17dc0, 1},
	}
	for _, tt := range tests {
		if got := hash(tt.s); got != tt.want || got%Folds != tt.fold {
			t.Errorf("hash(%q) = %x, fold %d; want %x, fold %d", tt.s, got, got%Folds, tt.want, tt.fold)
		}
	}
	if hashReader(42) != hash("42") || hashPair(2, 4081) != hash("2:4081") {
		t.Error("ids are not hashed as decimal digits")
	}
}
