//! The rows that do not shape the picture: files, animation, shellouts, POV-Ray's work, the screen.

use super::{Beyond, Does, Kind, Row, Setting, plain, toggling, with_value};

const ON_OFF: Kind = Kind::OnOff;
const TEXT: Kind = Kind::Text;
const QUIET: Does = Does::Ignores;
const COUNT: Kind = Kind::Whole { least: -1_000_000_000, most: 1_000_000_000, beyond: Beyond::Refused };
const NUMBER: Kind = Kind::Number { least: -1e30, most: 1e30, beyond: Beyond::Refused };

const STREAM_FILE: Does = Does::Refuses {
    why: "POV-Ray would write it on each node, for each strip",
    instead: "td shows POV-Ray's messages; keep them with `2> FILE`",
};
const SHELLOUT: Does = Does::Refuses {
    why: "td runs no commands for a scene",
    instead: "run it before or after `td render`, in your script",
};
const RADIOSITY: Does = Does::Refuses {
    why: "each strip would write or read a file of its own",
    instead: "write --two-pass: td saves the samples in a first pass and gives them to all strips",
};
const ORDER: Does = Does::Notes("td decides in which order the picture is rendered; left out");
const PREVIEW: Does = Does::Notes("no preview is shown; left out");

const NO_FRAMES: &str = "only animations use it";
const SCREEN: &str = "the screen: td shows no window";
const CONSOLE: &str = "td needs and shows POV-Ray's messages itself";
const OLD: &str = "of older versions; POV-Ray 3.7 does nothing with it";

// One line a row, as in the table of docs/switches.md.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row { setting: Setting::IncludeIni, names: &["Include_Ini"], switches: &[], kind: Kind::IniFile, does: Does::Handles { default: "" }, about: "read on the master, through this table" },
    Row { setting: Setting::LibraryPath, names: &["Library_Path"], switches: &[with_value("L")], kind: Kind::Folder, does: Does::Handles { default: "" }, about: "searched on the master; what the scene uses is sent along" },
    Row { setting: Setting::IncludeHeader, names: &["Include_Header"], switches: &[with_value("HI")], kind: TEXT, does: Does::Refuses { why: "td does not send a header file along yet", instead: "write #include \"FILE\" at the top of the scene" }, about: "" },
    Row { setting: Setting::CreateIni, names: &["Create_Ini"], switches: &[with_value("GI")], kind: TEXT, does: Does::Refuses { why: "POV-Ray would write it on each node", instead: "leave it out; `td render -v` lists every setting and where it came from" }, about: "" },
    Row { setting: Setting::RadiosityFileName, names: &["Radiosity_File_Name"], switches: &[with_value("RF")], kind: TEXT, does: RADIOSITY, about: "" },
    Row { setting: Setting::RadiosityFromFile, names: &["Radiosity_From_File"], switches: &[plain("RFI")], kind: ON_OFF, does: RADIOSITY, about: "" },
    Row { setting: Setting::RadiosityToFile, names: &["Radiosity_To_File"], switches: &[plain("RFO")], kind: ON_OFF, does: RADIOSITY, about: "" },
    Row { setting: Setting::AllFile, names: &["All_File"], switches: &[toggling("GA", Setting::AllConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::DebugFile, names: &["Debug_File"], switches: &[toggling("GD", Setting::DebugConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::FatalFile, names: &["Fatal_File"], switches: &[toggling("GF", Setting::FatalConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::RenderFile, names: &["Render_File"], switches: &[toggling("GR", Setting::RenderConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::StatisticFile, names: &["Statistic_File"], switches: &[toggling("GS", Setting::StatisticConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::WarningFile, names: &["Warning_File"], switches: &[toggling("GW", Setting::WarningConsole)], kind: TEXT, does: STREAM_FILE, about: "" },
    Row { setting: Setting::AppendFile, names: &["Append_File"], switches: &[plain("GP")], kind: ON_OFF, does: QUIET, about: "no such files are written" },
    Row { setting: Setting::InitialFrame, names: &["Initial_Frame"], switches: &[with_value("KFI")], kind: COUNT, does: Does::Handles { default: "" }, about: "0 or 1, with the same final frame, is one picture; anything else is an animation, refused until built" },
    Row { setting: Setting::FinalFrame, names: &["Final_Frame"], switches: &[with_value("KFF")], kind: COUNT, does: Does::Handles { default: "" }, about: "as Initial_Frame" },
    Row { setting: Setting::InitialClock, names: &["Initial_Clock"], switches: &[with_value("KI")], kind: NUMBER, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::FinalClock, names: &["Final_Clock"], switches: &[with_value("KF")], kind: NUMBER, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::SubsetStartFrame, names: &["Subset_Start_Frame"], switches: &[with_value("SF0"), with_value("SF")], kind: NUMBER, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::SubsetEndFrame, names: &["Subset_End_Frame"], switches: &[with_value("EF0"), with_value("EF")], kind: NUMBER, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::FrameStep, names: &["Frame_Step"], switches: &[with_value("STP")], kind: COUNT, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::CyclicAnimation, names: &["Cyclic_Animation"], switches: &[plain("KC")], kind: ON_OFF, does: QUIET, about: NO_FRAMES },
    Row { setting: Setting::ClocklessAnimation, names: &["Clockless_Animation"], switches: &[plain("KLA")], kind: ON_OFF, does: Does::Refuses { why: "POV-Ray's frame loop inside one scene cannot be cut into strips", instead: "leave it out" }, about: "" },
    Row { setting: Setting::FieldRender, names: &["Field_Render"], switches: &[plain("UF")], kind: ON_OFF, does: QUIET, about: OLD },
    Row { setting: Setting::OddField, names: &["Odd_Field"], switches: &[plain("UO")], kind: ON_OFF, does: QUIET, about: OLD },
    Row { setting: Setting::PreSceneCommand, names: &["Pre_Scene_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::PreSceneReturn, names: &["Pre_Scene_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::PreFrameCommand, names: &["Pre_Frame_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::PreFrameReturn, names: &["Pre_Frame_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::PostFrameCommand, names: &["Post_Frame_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::PostFrameReturn, names: &["Post_Frame_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::PostSceneCommand, names: &["Post_Scene_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::PostSceneReturn, names: &["Post_Scene_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::UserAbortCommand, names: &["User_Abort_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::UserAbortReturn, names: &["User_Abort_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::FatalErrorCommand, names: &["Fatal_Error_Command"], switches: &[], kind: TEXT, does: SHELLOUT, about: "" },
    Row { setting: Setting::FatalErrorReturn, names: &["Fatal_Error_Return"], switches: &[], kind: TEXT, does: QUIET, about: "nothing without its command" },
    Row { setting: Setting::WorkThreads, names: &["Work_Threads"], switches: &[with_value("WT")], kind: COUNT, does: Does::Notes("td runs one POV-Ray with +WT1 on each slot instead; `slots:` in the inventory says how many"), about: "" },
    Row { setting: Setting::RenderBlockSize, names: &["Render_Block_Size"], switches: &[with_value("BS")], kind: COUNT, does: Does::Refuses { why: "td works in blocks of 32, and another size can change pixels", instead: "leave it out" }, about: "32 is what td uses" },
    Row { setting: Setting::RenderBlockStep, names: &["Render_Block_Step"], switches: &[with_value("RS")], kind: COUNT, does: ORDER, about: "" },
    Row { setting: Setting::RenderPattern, names: &["Render_Pattern"], switches: &[with_value("RP")], kind: COUNT, does: ORDER, about: "" },
    Row { setting: Setting::MaxImageBufferMemory, names: &["Max_Image_Buffer_Memory"], switches: &[with_value("MI")], kind: COUNT, does: Does::Notes("agents leave it at 128 MB, which is POV-Ray's own; left out"), about: "" },
    Row { setting: Setting::ContinueTrace, names: &["Continue_Trace"], switches: &[plain("C")], kind: ON_OFF, does: Does::Notes("td goes on by itself from what its agents have finished; left out"), about: "" },
    Row { setting: Setting::RealTimeRaytracing, names: &["Real_Time_Raytracing"], switches: &[plain("RTR")], kind: ON_OFF, does: Does::Refuses { why: "it draws on a screen and writes no picture", instead: "leave it out" }, about: "" },
    Row { setting: Setting::Display, names: &["Display"], switches: &[plain("D"), with_value("D")], kind: ON_OFF, does: QUIET, about: SCREEN },
    Row { setting: Setting::VideoMode, names: &["Video_Mode"], switches: &[], kind: TEXT, does: QUIET, about: SCREEN },
    Row { setting: Setting::Palette, names: &["Palette"], switches: &[], kind: TEXT, does: QUIET, about: SCREEN },
    Row { setting: Setting::DrawVistas, names: &["Draw_Vistas"], switches: &[plain("UD")], kind: ON_OFF, does: QUIET, about: SCREEN },
    Row { setting: Setting::PreviewStartSize, names: &["Preview_Start_Size"], switches: &[with_value("SP")], kind: COUNT, does: PREVIEW, about: "" },
    Row { setting: Setting::PreviewEndSize, names: &["Preview_End_Size"], switches: &[with_value("EP")], kind: COUNT, does: PREVIEW, about: "" },
    Row { setting: Setting::PauseWhenDone, names: &["Pause_When_Done"], switches: &[plain("P")], kind: ON_OFF, does: QUIET, about: SCREEN },
    Row { setting: Setting::TestAbort, names: &["Test_Abort"], switches: &[plain("X")], kind: ON_OFF, does: QUIET, about: "Ctrl-C always stops td" },
    Row { setting: Setting::TestAbortCount, names: &["Test_Abort_Count"], switches: &[toggling("X", Setting::TestAbort)], kind: COUNT, does: QUIET, about: "Ctrl-C always stops td" },
    Row { setting: Setting::Verbose, names: &["Verbose"], switches: &[plain("V")], kind: ON_OFF, does: QUIET, about: "td has its own progress; see `-q` and `-v`" },
    Row { setting: Setting::AllConsole, names: &["All_Console"], switches: &[plain("GA")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::DebugConsole, names: &["Debug_Console"], switches: &[plain("GD")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::FatalConsole, names: &["Fatal_Console"], switches: &[plain("GF")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::RenderConsole, names: &["Render_Console"], switches: &[plain("GR")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::StatisticConsole, names: &["Statistic_Console"], switches: &[plain("GS")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::WarningConsole, names: &["Warning_Console"], switches: &[plain("GW")], kind: ON_OFF, does: QUIET, about: CONSOLE },
    Row { setting: Setting::BufferOutput, names: &["Buffer_Output"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
    Row { setting: Setting::BufferSize, names: &["Buffer_Size"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
    Row { setting: Setting::CreateHistogram, names: &["Create_Histogram"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
    Row { setting: Setting::HistogramName, names: &["Histogram_Name"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
    Row { setting: Setting::HistogramGridSize, names: &["Histogram_Grid_Size"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
    Row { setting: Setting::HistogramType, names: &["Histogram_Type"], switches: &[], kind: TEXT, does: QUIET, about: OLD },
];
