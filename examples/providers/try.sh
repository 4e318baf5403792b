#!/usr/bin/env bash
# Five providers sign as they do, with openssl; one secret is wrong, and is mended.
#
# Starts a gateway of its own on free loopback ports with a fresh data folder, and stops it again.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

. ../story.sh
needs curl openssl python3
secret() { tr -d '\n' <"secrets/$1.txt"; }
hex() { openssl dgst "-$1" -hmac "$2" -hex | sed 's/.* //'; }
base64_of() { openssl dgst "-$1" -hmac "$2" -binary | openssl base64 -A; }

cp -r secrets "$work/secrets"
configure "s#: ./secrets/#: $work/secrets/#"
# Somebody has pasted the wrong secret.
echo "shpss_of_the_shop_in_the_other_tab" >"$work/secrets/shopify.txt"

start_gateway
# Posts a body to a source, with the headers that follow.
post() {
    local source=$1 body=$2
    shift 2
    curl -sS "$http/hooks/$source" --data-binary "$body" "${@/#/-H}"
    echo
}
# The id of the delivery of a source that was refused. It is kept beside the line, a moment later.
refused() {
    local id=""
    for _ in $(seq 200); do
        id=$("$SLUICEGATE_BIN" refused ls --source "$1" --admin "$admin" --json | python3 -c '
import json, sys
print(*[one["id"] for one in json.load(sys.stdin)["refused"]])')
        [ -z "$id" ] || break
        sleep 0.05
    done
    echo "$id"
}
now=$(date +%s)
json="Content-Type: application/json"

say "1. Stripe: t=,v1= over TIME.BODY, the secret with its whsec_"
body='{"id":"evt_1","type":"invoice.paid","data":{"object":{"total":4200}}}'
post stripe "$body" "$json" \
    "Stripe-Signature: t=$now,v1=$(printf '%s.%s' "$now" "$body" | hex sha256 "$(secret stripe)")"

say "2. Slack: v0= over v0:TIME:BODY. First its handshake, then an event"
slack() {
    post slack "$1" "$json" "X-Slack-Request-Timestamp: $now" \
        "X-Slack-Signature: v0=$(printf 'v0:%s:%s' "$now" "$1" | hex sha256 "$(secret slack)")"
}
slack '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}'
slack '{"type":"event_callback","event_id":"Ev1","event":{"type":"message","text":"hello"}}'

say "3. Twilio: the URL and the sorted fields of the form, SHA-1"
post twilio 'AccountSid=AC1&Body=hello' 'Content-Type: application/x-www-form-urlencoded' \
    "X-Twilio-Signature: $(printf 'https://hooks.example.com/hooks/twilioAccountSidAC1Bodyhello' |
        base64_of sha1 "$(secret twilio)")"

say "4. Clerk signs as Standard Webhooks: ID.TIME.BODY, the key is the base64 after whsec_"
body='{"type":"user.created","data":{"id":"user_1"}}'
key=$(secret clerk | sed 's/^whsec_//' | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf 'msg_1.%s.%s' "$now" "$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
post clerk "$body" "$json" "svix-id: msg_1" "svix-timestamp: $now" "svix-signature: v1,$signature"

say "5. Shopify signs rightly, but our secret is wrong: refused, and the delivery is kept"
body='{"id":820982911946154508,"total_price":"42.00"}'
shopify() {
    post shopify "$body" "$json" "X-Shopify-Topic: orders/create" "X-Shopify-Webhook-Id: w-$1" \
        "X-Shopify-Hmac-Sha256: $(printf '%s' "$body" | base64_of sha256 "$(secret shopify)")"
}
shopify 1
id=$(refused shopify)
"$SLUICEGATE_BIN" refused ls --admin "$admin"

say "6. Why? explain tries the usual mistakes. None of them: the secret is another one"
# Its exit code is 1: the delivery is refused still.
"$SLUICEGATE_BIN" explain "$id" --admin "$admin" || true

say "   Another: something on the way has written Stripe's JSON anew. That mistake has a name"
body='{"id":"evt_2","type":"invoice.paid"}'
post stripe '{"id": "evt_2", "type": "invoice.paid"}' "$json" \
    "Stripe-Signature: t=$now,v1=$(printf '%s.%s' "$now" "$body" | hex sha256 "$(secret stripe)")"
"$SLUICEGATE_BIN" explain "$(refused stripe)" --admin "$admin" || true

say "7. The secret is mended: no restart. What was refused is let in"
cp secrets/shopify.txt "$work/secrets/shopify.txt"
for _ in $(seq 200); do
    "$SLUICEGATE_BIN" refused reverify "$id" --admin "$admin" >/dev/null 2>&1 && break
    sleep 0.05
done
"$SLUICEGATE_BIN" refused release "$id" --admin "$admin"

say "8. Shopify had sent it again meanwhile: it is known, and stored once"
shopify 1

say "9. Which key of each source has proven what"
"$SLUICEGATE_BIN" keys --admin "$admin"
"$SLUICEGATE_BIN" queue ls --admin "$admin"
say "Done."
