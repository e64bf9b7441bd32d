#!/bin/sh
# From a page and a Markdown table of questions and answers to a report, without a window: resources/guide/en/command-line.md.
# story.sh PAGE TABLE FOLDER [PROVIDER MODEL]
set -eu
page=$1 table=$2 folder=$3 provider=${4:-local} model=${5:-smollm2-135m-instruct}
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
project=$folder/project.juku

juku() {
    echo "\$ juku $*" >&2
    "$root/.venv/bin/python" "$root/main.py" "$@" || test $? -eq 1 # there is something to look at
}

juku project new "$project"
juku spec import "$project" "$page"
juku facts find "$project"
juku rows import "$project" "$table"
juku generate rules "$project"
juku rows edit "$project" --filter status:draft --approve
tuned=$(juku train "$project" --provider "$provider" --model "$model" --yes)
juku exam "$project" --provider "$provider" --model "$model" "$tuned"
juku report "$project" --to "$folder/report.html"
