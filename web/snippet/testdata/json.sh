curl -sS -X POST 'https://srv.lab.local:9419/api/token' \
  -H 'Content-Type: application/json' \
  -d '{"grantType":"password","user name":"o'\''brien","password":"'"$VEEAM_PASSWORD"'"}'
