; Inno Setup: an installer for one person, without administrator's rights. Not tried: docs/packaging.md.
; Run build.ps1 first; then: iscc /DVersion=0.2.0 juku.iss
#ifndef Version
  #error Give the version: iscc /DVersion=0.2.0 juku.iss
#endif

[Setup]
AppId={{5B0B6C39-7D0C-4A57-9B0B-6A756B750001}
AppName=Juku
AppVersion={#Version}
AppPublisher=The Juku project
DefaultDirName={autopf}\Juku
DefaultGroupName=Juku
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesAssociations=yes
LicenseFile=..\..\LICENSE
OutputDir=..\..\build\package
OutputBaseFilename=Juku-{#Version}-setup
Compression=lzma2
SolidCompression=yes
SetupIconFile=..\..\build\package\juku.ico
UninstallDisplayIcon={app}\juku.ico
WizardStyle=modern

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "ja"; MessagesFile: "compiler:Languages\Japanese.isl"

[Files]
Source: "..\..\build\package\windows\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion
Source: "..\..\build\package\juku.ico"; DestDir: "{app}"

[Icons]
Name: "{group}\Juku"; Filename: "{app}\python\pythonw.exe"; Parameters: "-m juku.window"; IconFilename: "{app}\juku.ico"; AppUserModelID: "Juku.Juku"

[Registry]
Root: HKA; Subkey: "Software\Classes\.juku\OpenWithProgids"; ValueType: string; ValueName: "Juku.Project"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\Juku.Project"; ValueType: string; ValueData: "Juku project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Juku.Project\DefaultIcon"; ValueType: string; ValueData: "{app}\juku.ico"
Root: HKA; Subkey: "Software\Classes\Juku.Project\shell\open\command"; ValueType: string; ValueData: """{app}\python\pythonw.exe"" -m juku.window ""%1"""

[Run]
Filename: "{app}\python\pythonw.exe"; Parameters: "-m juku.window"; Description: "{cm:LaunchProgram,Juku}"; Flags: nowait postinstall skipifsilent
