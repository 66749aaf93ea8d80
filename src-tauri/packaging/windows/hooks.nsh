; "Send with Shoal" in Explorer's menu of files and folders, for this account, gone with Shoal.

!macro ShoalVerb KIND
  WriteRegStr SHCTX "Software\Classes\${KIND}\shell\Shoal" "" "Send with Shoal"
  WriteRegStr SHCTX "Software\Classes\${KIND}\shell\Shoal" "Icon" '"$INSTDIR\shoal-app.exe"'
  WriteRegStr SHCTX "Software\Classes\${KIND}\shell\Shoal" "MultiSelectModel" "Player"
  WriteRegStr SHCTX "Software\Classes\${KIND}\shell\Shoal\command" "" '"$INSTDIR\shoal-app.exe" -- "%1"'
!macroend

!macro NSIS_HOOK_POSTINSTALL
  !insertmacro ShoalVerb "*"
  !insertmacro ShoalVerb "Directory"
!macroend

!macro NSIS_HOOK_PREUNINSTALL
  DeleteRegKey SHCTX "Software\Classes\*\shell\Shoal"
  DeleteRegKey SHCTX "Software\Classes\Directory\shell\Shoal"
!macroend
