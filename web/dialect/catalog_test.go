package dialect

import (
	"strings"
	"testing"
)

func TestCatalog(t *testing.T) {
	own := clone(&vac)
	own.ID = "lab"

	t.Run("own products stand behind the built-in ones", func(t *testing.T) {
		c, err := NewCatalog(own)
		if err != nil {
			t.Fatal(err)
		}
		list := c.All()
		if len(list) != len(all)+1 || list[len(all)] != own {
			t.Errorf("got %d products, want %d with the own one last", len(list), len(all)+1)
		}
		if d, ok := c.Find("lab"); !ok || d != own || !c.IsOwn(d) {
			t.Errorf("the own product is not found, or not known as one: %v", ok)
		}
		if d, ok := c.Find(vac.ID); !ok || d != &vac || c.IsOwn(d) {
			t.Errorf("the built-in product is not found, or taken for an own one: %v", ok)
		}
		if _, ok := Find("lab"); ok {
			t.Error("a catalog changed what every program offers")
		}
	})

	t.Run("no catalog means the built-in products", func(t *testing.T) {
		var c *Catalog
		if len(c.All()) != len(all) || c.IsOwn(&vac) {
			t.Errorf("got %d products, want %d", len(c.All()), len(all))
		}
	})

	t.Run("every fault of every product is told", func(t *testing.T) {
		taken, hides, twice, wrong := clone(own), clone(own), clone(own), clone(own)
		taken.ID, hides.ID, wrong.ID, wrong.Port = vac.ID, "w", "wrong", 0
		_, err := NewCatalog(own, taken, hides, twice, wrong)
		if err == nil {
			t.Fatal("got no error")
		}
		for _, want := range []string{`id "vac" is taken`, `id "w": the program has an address`, `id "lab" is taken`, "port 0"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q in it", err, want)
			}
		}
	})
}
