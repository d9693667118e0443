package catalog

import (
	"reflect"
	"testing"
	"time"
)

func TestBooksAreEqualInEverything(t *testing.T) {
	one, same := int64(1), int64(1)
	a, b := Book{Stock: &one}, Book{Stock: &same}
	if !a.Equal(&b) {
		t.Error("the same stock is another one")
	}
	none := Book{}
	if a.Equal(&none) || none.Equal(&a) {
		t.Error("no stock is the same as some")
	}
	for i := range reflect.TypeFor[Book]().NumField() {
		var changed, plain Book
		field := reflect.ValueOf(&changed).Elem().Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int, reflect.Int64:
			field.SetInt(1)
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Struct:
			field.Set(reflect.ValueOf(time.Unix(1, 0)))
		default:
			t.Fatalf("teach this test about a %s", field.Kind())
		}
		if plain.Equal(&changed) || changed.Equal(&plain) || !changed.Equal(&changed) {
			t.Errorf("%s makes no difference", reflect.TypeFor[Book]().Field(i).Name)
		}
	}
}
