# The folder of the Windows package: a copy of the Python that runs this, with the wheel in it. Not tried: docs/packaging.md.
#   py -3.12 -m venv .venv; .venv\Scripts\pip install build PySide6-Essentials; packaging\windows\build.ps1
$ErrorActionPreference = "Stop"
$root = Resolve-Path "$PSScriptRoot\..\.."
$target = "$root\build\package\windows"
Remove-Item $target -Recurse -Force -ErrorAction SilentlyContinue
$base = & "$root\.venv\Scripts\python.exe" -c "import sys; print(sys.base_prefix)"
New-Item $target -ItemType Directory | Out-Null
Copy-Item $base "$target\python" -Recurse
foreach ($unused in "Lib\test", "Lib\idlelib", "Lib\tkinter", "Lib\turtledemo", "Lib\site-packages", "Doc", "tcl", "Tools", "include", "libs") {
    Remove-Item "$target\python\$unused" -Recurse -Force -ErrorAction SilentlyContinue
}
New-Item "$target\python\Lib\site-packages" -ItemType Directory | Out-Null
Push-Location $root
& "$root\.venv\Scripts\python.exe" -m pip wheel --no-deps --wheel-dir build\package\wheel .
$wheel = (Get-ChildItem build\package\wheel\juku-*.whl)[0].FullName
& "$root\.venv\Scripts\python.exe" -m pip --python "$target\python\python.exe" install "$wheel[documents]"
Set-Content "$target\python\Lib\site-packages\juku\installed_as" "folder"
& "$target\python\python.exe" -m compileall -q "$target\python\Lib"
# Nothing of the person's own Python is read.
Set-Content "$target\juku.cmd" '@"%~dp0python\python.exe" -E -s -m juku %*'
& "$root\.venv\Scripts\python.exe" -c "from PySide6.QtGui import QGuiApplication, QIcon; a = QGuiApplication([]); QIcon('resources/icons/juku.svg').pixmap(256).save('build/package/juku.ico')"
& "$target\juku.cmd" --version
Pop-Location
