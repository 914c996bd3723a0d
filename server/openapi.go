package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
)

// newAPI prepares huma. Its docs page loads scripts from elsewhere, its schema
// links are built from X-Forwarded-Host, and its errors quote what was sent: all
// three are off.
func (s *Server) newAPI() huma.API {
	c := huma.DefaultConfig("Latchkey", s.cfg.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{s.reshape}
	c.Servers = []*huma.Server{{URL: s.origin.text}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: cookieName},
	}
	return humafiber.New(s.app, c)
}

// operation describes a row.
func operation(r route) huma.Operation {
	op := huma.Operation{
		OperationID: operationID(r),
		Method:      r.method,
		Path:        r.path,
		Summary:     r.summary,
		Responses: map[string]*huma.Response{"default": {
			Description: "A problem (RFC 9457)",
			Content: map[string]*huma.MediaType{
				problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
			},
		}},
	}
	if r.guard == session || r.guard == unattended {
		op.Security = []map[string][]string{{"session": {}}}
	}
	return op
}

// operationID is "post-requests-id-execute".
func operationID(r route) string {
	path := strings.NewReplacer("{", "", "}", "", "/", "-").Replace(strings.TrimPrefix(r.path, "/api"))
	return strings.ToLower(r.method) + path
}

// document completes the OpenAPI document once all rows are mounted. It is rendered
// when somebody asks for it.
func (s *Server) document() {
	schemas := s.api.OpenAPI().Components.Schemas
	schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} {
		delete(schemas.Map(), unused)
	}
	// A new request is 201, an open one that came back is 200: the same body.
	ask := s.api.OpenAPI().Paths["/api/requests"].Post
	ask.Responses["201"] = &huma.Response{Description: "Created", Content: ask.Responses["200"].Content}
	s.spec = sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
}

func (s *Server) openAPI(f *fiber.Ctx) error {
	spec, err := s.spec()
	if err != nil {
		return fmt.Errorf("render OpenAPI document: %w", err)
	}
	f.Set("Content-Type", "application/openapi+json")
	return f.Status(http.StatusOK).Send(spec)
}
