//go:build e2e

package e2e

import "testing"

// A PostgreSQL of one's own behind PgBouncer in transaction mode, with pools of 3 connections and
// the defaults otherwise, and the Secret with its plain URL.
const pooled = `
apiVersion: v1
kind: Pod
metadata: {name: database, labels: {app: database}}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: postgresql
      image: bookstall/postgres:e2e
      imagePullPolicy: Never
      env:
        - {name: POSTGRES_USER, value: bookstall}
        - {name: POSTGRES_PASSWORD, value: secret}
        - {name: PGDATA, value: /data/pgdata}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      readinessProbe: {exec: {command: [pg_isready, --host=127.0.0.1, --quiet]}, periodSeconds: 1}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: data, mountPath: /tmp}
        - {name: data, mountPath: /var/run/postgresql}
  volumes:
    - {name: data, emptyDir: {}}
---
apiVersion: v1
kind: Service
metadata: {name: database}
spec:
  selector: {app: database}
  ports: [{port: 5432}]
---
apiVersion: v1
kind: Secret
metadata: {name: pooler}
stringData:
  url: postgres://bookstall:secret@pooler:5432/bookstall?sslmode=disable
  users.txt: |
    "bookstall" "secret"
  pgbouncer.ini: |
    [databases]
    bookstall = host=database
    [pgbouncer]
    pool_mode = transaction
    default_pool_size = 3
    listen_addr = *
    listen_port = 5432
    unix_socket_dir =
    auth_type = scram-sha-256
    auth_file = /etc/pgbouncer/users.txt
---
apiVersion: v1
kind: Pod
metadata: {name: pooler, labels: {app: pooler}}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: pgbouncer
      image: bookstall/pgbouncer:e2e
      imagePullPolicy: Never
      args: [/etc/pgbouncer/pgbouncer.ini]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      readinessProbe: {tcpSocket: {port: 5432}, periodSeconds: 1}
      volumeMounts:
        - {name: config, mountPath: /etc/pgbouncer}
  volumes:
    - {name: config, secret: {secretName: pooler}}
---
apiVersion: v1
kind: Service
metadata: {name: pooler}
spec:
  selector: {app: pooler}
  ports: [{port: 5432}]
`

// TestBehindAPooler runs the drills of TestStore that a pooler could disturb: replicas that start
// at once, writes, a rollout, and a training by a job.
func TestBehindAPooler(t *testing.T) {
	n := newNamespace(t)
	n.apply(t, pooled)
	n.kubectl(t, "wait", "--for=condition=ready", "pod/database", "pod/pooler", "--timeout=60s")
	n.install(t, "store.existingSecret=pooler", "marketplace.requireAPIToken=false", "train.enabled=true", "train.suspend=true")
	shop := n.api(t)
	survives(t, n, shop, shop.bestsellers(t))
	trained(t, n)
}
