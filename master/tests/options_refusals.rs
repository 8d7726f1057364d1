//! Every message that refuses something, and every note, as people see them.

mod options_support;

use options_support::Files;
use td::options::Settings;

/// One command line a line; what comes of each.
fn screen(command_lines: &[&[&str]], files: &Files) -> String {
    let mut screen = String::new();
    for arguments in command_lines {
        screen += &format!("$ td render {}\n", arguments.join(" ").replace('\u{1b}', "<ESC>").replace('\0', "<NUL>"));
        match Settings::from_args(arguments, files) {
            Ok(settings) if settings.notes.is_empty() => screen += "(taken)\n",
            Ok(settings) => settings.notes.iter().for_each(|note| screen += &format!("note: {note}\n")),
            Err(errors) => screen += &format!("{errors}\n"),
        }
        screen += "\n";
    }
    screen
}

#[test]
fn sizes_and_parts() {
    insta::assert_snapshot!(screen(
        &[
            &["s.pov", "+W-5", "+H10"],
            &["s.pov", "+W0", "Height=0"],
            &["s.pov", "+W200000", "+H200000"],
            &["s.pov", "+W800x600", "+H"],
            &["s.pov", "+W40", "+H30", "+SR31"],
            &["s.pov", "+W40", "+H30", "+ER31", "+EC41"],
            &["s.pov", "+W40", "+H30", "+ER0"],
            &["s.pov", "+W40", "+H30", "+SR-1"],
            &["s.pov", "+W40", "+H30", "+SR1", "+ER1"],
            &["s.pov", "+W40", "+H30", "+SR20", "+ER10"],
            &["s.pov"],
        ],
        &Files::default()
    ));
}

#[test]
fn values() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "+A.3"],
            &["+W4", "+A1"],
            &["+W4", "+A0.3x"],
            &["+W4", "Antialias_Threshold=-1"],
            &["+W4", "Antialias_Threshold=3.0"],
            &["+W4", "+R0"],
            &["+W4", "+R99", "+AM7", "+J2"],
            &["+W4", "+AMx"],
            &["+W4", "+Q-1"],
            &["+W4", "Antialias=perhaps"],
            &["+W4", "+MV0"],
            &["+W4", "File_Gamma=abc"],
            &["+W4", "File_Gamma=0"],
            &["+W4", "Display_Gamma=inf"],
            &["+W4", "+THXX"],
            &["+W4", "Clock=nan"],
            &["+W4", "+K"],
            &["+W4", "+UA1"],
            &["+W4", "+AG0"],
            &["+W4", "BSP_MissChance=-0.5"],
        ],
        &Files::default()
    ));
}

#[test]
fn file_types() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "+FX"],
            &["+W4", "+FN12"],
            &["+W4", "Bits_Per_Color=5"],
            &["+W4", "+FE"],
            &["+W4", "+FH"],
            &["+W4", "+FJg"],
            &["+W4", "+FJ", "Grayscale_Output=on"],
            &["+W4", "+FN16x"],
            &["+W4", "+FS"],
            &["+W4", "-F"],
            &["+W4", "Output_File_Type=N16"],
            &["+W4", "+FJ", "+UA"],
            &["+W4", "+FJ16"],
            &["+W4", "+Ox.jpg"],
            &["+W4", "+Ostderr"],
            &["+W4", "+I-"],
        ],
        &Files::default()
    ));
}

#[test]
fn refused_by_the_table() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "+GIout.ini"],
            &["+W4", "+GAall.txt"],
            &["+W4", "Statistic_File=stats.txt"],
            &["+W4", "+HIhead.inc"],
            &["+W4", "+RFr.rca", "+RFO"],
            &["+W4", "+RFI"],
            &["+W4", "-RFI", "-RFO", "Radiosity_To_File=off"],
            &["+W4", "Pre_Scene_Command=rm -rf /"],
            &["+W4", "Post_Frame_Command=echo"],
            &["+W4", "+BS8"],
            &["+W4", "+BS32"],
            &["+W4", "+RTR"],
            &["+W4", "+KLA"],
            &["+W4", "+KFI1", "+KFF10"],
            &["+W4", "Final_Frame=20"],
            &["+W4", "+KFI1", "+KFF1", "+KC", "+SF3"],
        ],
        &Files::default()
    ));
}

#[test]
fn notes() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "+WT8"],
            &["+W4", "+WT1"],
            &["+W4", "+C"],
            &["+W4", "-C"],
            &["+W4", "+MI256"],
            &["+W4", "+SP16", "+EP4"],
            &["+W4", "+RP2", "+RS3"],
            &["+W4", "a.pov", "b.pov"],
            &["+W4", "Declare=n=1", "Declare=n=2"],
            &[
                "+W4",
                "-D",
                "+V",
                "-P",
                "+X",
                "+UD",
                "-GA",
                "+GDoff",
                "Verbose=off",
                "Test_Abort=on",
                "+DGT",
                "Histogram_Type=x"
            ],
        ],
        &Files::default()
    ));
}

#[test]
fn unknown_and_strange() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "Widht=320"],
            &["+W4", "antialas=on"],
            &["+W4", "Frobnicate=1"],
            &["+W4", "+ZZ", "+"],
            &["+W4", "-benchmark"],
            &["+W4", "-help"],
            &["+W4", "-version"],
            &["+W", "320"],
            &["+W4", "+Is[1].pov"],
            &["+W4", ""],
            &["+W4", "+W4;rest"],
            &["+W4", "\u{1b}[31mred.pov"],
            &["+W4", "Declare=n=1\n#write"],
            &["+W4", "Declare=n=1\0"],
            &["+W4", "scene"],
            &["+W4", "scene.txt"],
            &["+W4", "quick.ini[small"],
        ],
        &Files::default()
    ));
}

#[test]
fn declares() {
    insta::assert_snapshot!(screen(
        &[
            &["+W4", "Declare=n"],
            &["+W4", "Declare=n="],
            &["+W4", "Declare=1n=2"],
            &["+W4", "Declare=n=abc"],
            &["+W4", "Declare=n=1e40"],
            &["+W4", "Declare=n=1,m=2"],
            &["+W4", "Declare=s=\"text\""],
            &["+W4", "Declare='s=\"two words\"'"],
            &["+W4", "Declare='s=\"a\\b\"'"],
            &["+W4", "Declare='s=\"a\" #write(f, \"b\")'"],
            &["+W4", "Declare=n;#write=1"],
        ],
        &Files::default()
    ));
}

#[test]
fn what_ini_files_say() {
    let files = Files::default()
        .with(
            "./povray.ini",
            "Width=800\nHeight=600\n\nPre_Scene_Command=touch /tmp/x ; a comment\nContinue_Trace=on\n+WT4\n",
        )
        .with("bad.ini", "; fine\nWidth=-1\nQualty=3\n[low]\nQuality=2\n[high]\nQuality=9\n")
        .with("loop.ini", "Width=4\nloop.ini\n")
        .with("one.ini", "Width=320 Height=240\n+H20 +A0.3 s.pov\n+WT4\n")
        .with("binary.ini", [0xff, 0xfe, 0x00, 0x41])
        .with("wide.ini", "Library_Path=/a/\u{fffd}b\n");
    insta::assert_snapshot!(screen(
        &[
            &["s.pov"],
            &["Pre_Scene_Command=", "bad.ini"],
            &["Pre_Scene_Command=", "bad.ini[medium]"],
            &["Pre_Scene_Command=", "loop.ini"],
            &["Pre_Scene_Command=", "one.ini"],
            &["Pre_Scene_Command=", "missing.ini"],
            &["Pre_Scene_Command=", "binary.ini"],
            &["Pre_Scene_Command=", "wide.ini"],
        ],
        &files
    ));
}
