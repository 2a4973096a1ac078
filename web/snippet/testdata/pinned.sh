curl -sS -X POST 'https://srv.lab.local:9419/api/oauth2/token' \
  --cacert 'target.pem' \
  --pinnedpubkey 'sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  -d 'grant_type=password' \
  --data-urlencode "password=$VEEAM_PASSWORD"
