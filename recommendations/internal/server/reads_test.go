package server

import (
	"testing"

	recommendationsv1 "bookstall/gen/recommendations/v1"
)

// TestReads: a method that is new must be thought about here.
func TestReads(t *testing.T) {
	want := map[string]bool{
		"Recommend": true, "SimilarBooks": true, "ListBooks": true, "Follow": true, "GetHistory": true,
		"RecordInteractions": false, "ForgetReader": false, "FindReader": false,
	}
	methods := recommendationsv1.File_recommendations_v1_recommendations_proto.Services().Get(0).Methods()
	for i := range methods.Len() {
		name := string(methods.Get(i).Name())
		reads, known := want[name]
		if !known {
			t.Errorf("%s: does it read or write?", name)
		}
		if got := Reads("/" + Service() + "/" + name); got != reads {
			t.Errorf("%s: reads %v, want %v", name, got, reads)
		}
	}
	if Reads("/api.HelloService/SayHello") {
		t.Error("a method of another service reads")
	}
}
