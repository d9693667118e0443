package chart

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func TestWrongValuesAreRefusedWithTheirPath(t *testing.T) {
	type row struct{ set, path string }
	for _, helm := range []string{"helm", "helm3"} {
		t.Run(helm, func(t *testing.T) {
			path := tool(t, helm)
			for _, tc := range []row{
				{"marketplace.replicas=many", "/marketplace/replicas"},
				{"marketplace.replicas=-1", "/marketplace/replicas"},
				{"marketplace.replica=2", "'replica'"},
				{"marketplace.enabled=maybe", "/marketplace/enabled"},
				{"marketplace.service.port=0", "/marketplace/service/port"},
				{"marketplace.service.type=ExternalName", "/marketplace/service/type"},
				{"marketplace.balancePage=sometimes", "/marketplace/balancePage"},
				{"marketplace.recommendationsTimeout=300", "/marketplace/recommendationsTimeout"},
				{"marketplace.recommendationsTarget=books:50051", "/marketplace/recommendationsTarget"},
				{"marketplace.dnsIntervalSeconds=0", "/marketplace/dnsIntervalSeconds"},
				{"marketplace.maxRequests=0", "/marketplace/maxRequests"},
				{"recommendations.maxCalls=many", "/recommendations/maxCalls"},
				{"marketplace.ingress.hosts[0]=https://x", "/marketplace/ingress/hosts/0"},
				{"marketplace.publicURL=shop.example", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://shop.example/shop?x=y", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://shop.example/a//b", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://shop.example:99999", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://shop.example./a", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://sh_op.example", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://münchen.example", "/marketplace/publicURL"},
				{"marketplace.publicURL=https://shop.example/a/../b", "/marketplace/publicURL"},
				{"marketplace.recommendationsTimeout=0s", "/marketplace/recommendationsTimeout"},
				{"marketplace.trustedProxies={10.0.0.0/33}", "/marketplace/trustedProxies/0"},
				{"marketplace.readerHeader=Cookie,marketplace.trustedProxies={10.0.0.1}", "marketplace.readerHeader is Cookie"},
				{"marketplace.readerHeader=X-Forwarded-For,marketplace.trustedProxies={10.0.0.1}", "marketplace.readerHeader is X-Forwarded-For"},
				{"marketplace.podLabels.a=x y", "/marketplace/podLabels/a"},
				{"commonLabels.a/b/c=x", "'a/b/c'"},
				{"dashboards.labels.a=x y", "/dashboards/labels/a"},
				{"serviceMonitor.labels.a/b/c=x", "'a/b/c'"},
				{"prometheusRule.labels.a=-", "/prometheusRule/labels/a"},
				{"marketplace.shop.files.a/b=x", "'a/b'"},
				{"tls.generate=true", "tls.generate is set, but tls.enabled is false"},
				{"tls.allowedToWrite={a.example}", "tls.allowedToWrite is set, but tls.enabled is false"},
				{"tls.certManager.issuerRef.name=x", "tls.certManager.issuerRef is set, but tls.enabled is false"},
				{"tls.enabled=true,tls.certManager.force=true,tls.certManager.issuerRef.kind=ClusterIssuer", "issuerRef needs a name"},
				{"postgresql.enabled=true,import.enabled=true,import.args={--store=sqlite:x}", "import.args has --store"},
				{"marketplace.readerHeader=X Y,marketplace.trustedProxies={10.0.0.1}", "/marketplace/readerHeader"},
				{"marketplace.readerHeader=X-User", "marketplace.trustedProxies"},
				{"marketplace.shop.files.imprint\\.md=x", "marketplace.shop.files needs shop.yaml"},
				{"marketplace.shop.files.shop\\.yaml=x,marketplace.shop.configMap=y", "choose one"},
				{"marketplace.logFormat=xml", "/marketplace/logFormat"},
				{"podSecurityContext.runAsUser=nobody", "/podSecurityContext/runAsUser"},
				{"train.podAnnotations[0]=x", "/train/podAnnotations"},
				{"ipFamilyPolicy=Both", "/ipFamilyPolicy"},
				{"ipFamilies={IPv4,IPv4}", "/ipFamilies"},
				{"enabled=maybe", "/enabled"},
				{"fullnameOverride=a.b", "would be called a.b"},
				{"fullnameOverride=1shop", "would be called 1shop"},
				{"marketplace.allowedHosts[0]=https://x", "/marketplace/allowedHosts/0"},
				{"marketplace.trustedProxies[0]=proxy", "/marketplace/trustedProxies/0"},
				{"marketplace.image.digest=latest", "/marketplace/image/digest"},
				{"marketplace.extraEnv[0].value=x", "/marketplace/extraEnv/0"},
				{"recommendations.logLevel=loud", "/recommendations/logLevel"},
				{"recommendations.resources.limits.memory=lots", "/recommendations/resources/limits/memory"},
				{"recommendations.resources.limits.gpu=1", "'gpu'"},
				{"recommendations.autoscaling.behavior.scaleUp.policies[0].type=Nodes", "/recommendations/autoscaling/behavior/scaleUp/policies/0/type"},
				{"recommendations.podDisruptionBudget.maxUnavailable=half", "/recommendations/podDisruptionBudget/maxUnavailable"},
				{"recommendations.drain.delaySeconds=3s", "/recommendations/drain/delaySeconds"},
				{"recommendations.probes.liveness.failureThreshold=0", "/recommendations/probes/liveness/failureThreshold"},
				{"recommendations.dnsMaxStale=5m", "'dnsMaxStale'"},
				{"image.pullPolicy=Sometimes", "/image/pullPolicy"},
				{"image.tag=a:b", "/image/tag"},
				{"image.registry=https://registry.example.com", "/image/registry"},
				// A section with nothing in it, as in a file of values with all of it commented out.
				{"tls=null", "'tls'"},
				{"postgresql.persistence=null", "'persistence'"},
				{"marketplace.ingress=null", "'ingress'"},
				{"recommendations.probes.liveness=null", "'liveness'"},
				{"tls.secretName=Not_A_Name", "/tls/secretName"},
				{"tls.allowedClients={*.example.org}", "/tls/allowedClients/0"},
				{"tls.allowedToWrite={https://example.org/shop}", "/tls/allowedToWrite/0"},
				{"otlp.endpoint=collector", "/otlp/endpoint"},
				{"hostUsers=maybe", "/hostUsers"},
				{"appArmorProfile.type=Unconfined", "/appArmorProfile/type"},
				{"appArmorProfile.type=Localhost", "localhostProfile"},
				{"appArmorProfile.localhostProfile=books", "/appArmorProfile/localhostProfile"},
				{"networkPolicy.shopFrom[0].pods=x", "/networkPolicy/shopFrom/0"},
				{"serviceMonitor.interval=often", "/serviceMonitor/interval"},
				{"shop.enabled=true", "'shop'"},
				{"store.existingSecret=Not_A_Name", "/store/existingSecret"},
				{"store.url=postgres://x", "'url'"},
				{"postgresql.persistence.size=much", "/postgresql/persistence/size"},
				{"postgresql.image.repository=", "/postgresql/image/repository"},
				{"postgresql.settings.Work-Mem=4MB", "'Work-Mem'"},
				{"import.args=--books", "/import/args"},
				{"train.schedule=nightly", "/train/schedule"},
				{"train.schedule=3 *", "/train/schedule"},
				{"networkPolicy.storePort=70000", "/networkPolicy/storePort"},
				// Combinations of values, which templates/validate.yaml checks.
				{"marketplace.enabled=false,recommendations.enabled=false", "recommendations.enabled"},
				{"recommendations.autoscaling.maxReplicas=2", "recommendations.autoscaling.maxReplicas"},
				{"marketplace.autoscaling.enabled=true,marketplace.resources.requests.cpu=null", "marketplace.resources.requests.cpu"},
				{"tls.enabled=true", "tls.secretName"},
				{"tls.enabled=true,tls.certManager.issuerRef.name=x", "cert-manager.io/v1"},
				{"tls.enabled=true,tls.secretName=x,tls.generate=true", "choose one source"},
				{"tls.enabled=true,tls.generate=true,tls.clientSecretName=x", "tls.clientSecretName"},
				{"tls.enabled=true,tls.generate=true,tls.postgresqlSecretName=x", "tls.postgresqlSecretName"},
				{"tls.certManager.duration=long", "/tls/certManager/duration"},
				{"marketplace.httpRoute.enabled=true", "marketplace.httpRoute.parentRefs"},
				{"marketplace.httpRoute.timeouts.request=30", "/marketplace/httpRoute/timeouts/request"},
				{"marketplace.apiTokensSecret=x,marketplace.requireAPIToken=false", "marketplace.apiTokensSecret"},
				{"marketplace.covers.volume.name=covers", "/marketplace/covers/volume/name"},
				{"marketplace.secureCookies=true,marketplace.publicURL=http://shop.example", "marketplace.publicURL"},
				{"postgresql.enabled=true,store.existingSecret=x", "store.existingSecret"},
				{"postgresql.existingSecret=x", "postgresql.enabled is false"},
				{"postgresql.enabled=true,recommendations.enabled=false", "recommendations.enabled"},
				{"import.enabled=true,import.args={--books=x}", "import.enabled"},
				{"train.enabled=true", "train.enabled"},
				{"store.existingSecret=x,import.enabled=true", "import.args"},
				{"postgresql.enabled=true,postgresql.image.tag=", "postgresql.image.tag"},
			} {
				out, err := render(t, path, "--set="+tc.set)
				switch {
				case err == nil:
					t.Errorf("%s: accepted, %d bytes", tc.set, len(out))
				case !strings.Contains(err.Error(), tc.path):
					t.Errorf("%s: the error does not contain %s: %v", tc.set, tc.path, err)
				}
			}
		})
	}
}

// The schema refuses unknown fields, except in parts that Kubernetes defines, and accepts
// values.yaml.
func TestSchemaIsStrict(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{
		"global": true, "exports": true, "podSecurityContext": true, "securityContext": true, "podSelector": true, "namespaceSelector": true, "valueFrom": true,
		"affinity": true, "items": true, // items of Kubernetes' own lists: tolerations, topology spread constraints
	}
	var walk func(name string, part any)
	walk = func(name string, part any) {
		switch part := part.(type) {
		case map[string]any:
			if part["type"] == "object" && part["additionalProperties"] == nil && !open[name] {
				t.Errorf("%s accepts any field", name)
			}
			for key, value := range part {
				walk(key, value)
			}
		case []any:
			for _, value := range part {
				walk(name, value)
			}
		}
	}
	walk("the document", doc)

	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("values.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(jsonOf(t, values(t))); err != nil {
		t.Errorf("values.yaml: %v", err)
	}
}

func values(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func jsonOf(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
