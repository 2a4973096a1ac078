curl -sS -X POST 'https://srv.lab.local:9419/api/oauth2/token' \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  -H 'x-api-version: 1.1-rev1' \
  -d 'grant_type=password' \
  -d 'username=administrator' \
  --data-urlencode "password=$VEEAM_PASSWORD"
