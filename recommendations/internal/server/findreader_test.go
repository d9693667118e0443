package server

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
)

func TestFindReader(t *testing.T) {
	api := remember(t, time.Minute)
	find := func(text string, add bool) (int64, error) {
		resp, err := api.FindReader(within(t), &recommendationsv1.FindReaderRequest{ExternalId: text, Add: add})
		return resp.GetUserId(), err
	}
	ann := domain.FirstChoice(domain.ReaderID, "ann@example.org")
	for _, test := range []struct {
		text string
		add  bool
		want int64
	}{
		{"ann@example.org", false, 0}, {"ann@example.org", true, ann}, {"ann@example.org", false, ann}, {"Ann@example.org", false, 0},
		{"42", true, 42}, {"2251799813685247", true, 2251799813685247},
		// The number of somebody's text does not lead to that reader.
		{"4503599627370495", true, domain.FirstChoice(domain.ReaderID, "4503599627370495")},
		{"9223372036854775808", true, domain.FirstChoice(domain.ReaderID, "9223372036854775808")},
	} {
		if id, err := find(test.text, test.add); err != nil || id != test.want {
			t.Errorf("%q (add: %v) is %d (%v), want %d", test.text, test.add, id, err, test.want)
		}
	}
	for _, text := range []string{"", "0", "-1", "007", "+7", "NULL", "a\nb", " a"} {
		if id, err := find(text, true); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q is %d (%v), want InvalidArgument", text, id, err)
		}
	}
}
