#!/bin/sh
# Juku.app: a relocatable Python with the wheel in it. Not tried: docs/packaging.md.
#   build.sh PYTHON_FOLDER    a Python that may be moved (a standalone build), with bin/python3
# A file that is double-clicked comes as an event of Qt (QFileOpenEvent), which ui/app.py does not take yet.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
app=$root/build/package/Juku.app
rm -rf "$app"
mkdir -p "$app/Contents/MacOS" "$app/Contents/Resources"
cp -R "$1" "$app/Contents/Resources/python"
python=$app/Contents/Resources/python/bin/python3
cd "$root"
"$python" -m pip wheel --no-deps --wheel-dir build/package/wheel .
"$python" -m pip install "$(ls build/package/wheel/juku-*.whl)[documents]"
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo folder > "$packages/juku/installed_as"
for program in juku juku-window; do
    module=$([ $program = juku ] && echo juku || echo juku.window)
    printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\nexec "$here/../Resources/python/bin/python3" -E -s -m %s "$@"\n' "$module" > "$app/Contents/MacOS/$program"
    chmod +x "$app/Contents/MacOS/$program"
done
version=$("$app/Contents/MacOS/juku" --version | cut -d' ' -f2)
sed "s/@VERSION@/$version/" packaging/macos/Info.plist > "$app/Contents/Info.plist"
icons=$(mktemp -d)/juku.iconset
mkdir "$icons"
for size in 16 32 128 256 512; do
    "$python" -c "import sys; from PySide6.QtGui import QGuiApplication, QIcon; a = QGuiApplication([]); QIcon('resources/icons/juku.svg').pixmap($size).save(sys.argv[1])" "$icons/icon_${size}x$size.png"
done
iconutil -c icns -o "$app/Contents/Resources/juku.icns" "$icons"
codesign --force --deep --sign - "$app"
