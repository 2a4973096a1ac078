curl -sS -X POST 'https://srv.lab.local:9419/t' \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  --data-urlencode 'pass!word='"$VEEAM_PASSWORD"
