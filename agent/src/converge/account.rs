//! td's user and group, with the same numbers on all nodes.

use std::time::Duration;

use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::Account;

use super::accounts::Accounts;
use super::child;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace;

const DEADLINE: Duration = Duration::from_secs(60);

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    make_group: bool,
    make_user: bool,
    /// Groups that the user is to join.
    join: Vec<String>,
}

/// Compares what is there with what is wanted.
fn plan(account: &Account, there: &Accounts) -> Result<Plan, Failure> {
    let Account { name, uid, gid, .. } = account;
    if let Some(other) = there.users.iter().find(|user| user.uid == *uid && user.name != *name) {
        return Err(Failure::new(format!(
            "the number {uid} is the user {}'s on this node: write another `uid` into the inventory, which is that of \
             all nodes",
            other.name
        )));
    }
    if let Some(other) = there.groups.iter().find(|group| group.gid == *gid && group.name != *name) {
        return Err(Failure::new(format!(
            "the number {gid} is the group {}'s on this node: write another `uid` into the inventory, which is that of \
             all nodes",
            other.name
        )));
    }
    let user = there.users.iter().find(|user| user.name == *name);
    if let Some(user) = user.filter(|user| user.uid != *uid) {
        return Err(Failure::new(format!(
            "there is a user {name} with the number {}, the inventory's is {uid}: write `uid: {}`, or remove that user \
             (`userdel {name}`) where nothing of it is needed",
            user.uid, user.uid
        )));
    }
    let group = there.gid(name);
    if let Some(is) = group.filter(|is| is != gid) {
        return Err(Failure::new(format!(
            "there is a group {name} with the number {is}, the inventory's is {gid}: remove that group (`groupdel {name}`) \
             where nothing of it is needed"
        )));
    }
    if let Some(user) = user.filter(|user| user.gid != *gid) {
        return Err(Failure::new(format!(
            "the user {name} is in the group {} first, not in {gid}: `usermod -g {gid} {name}` mends that",
            user.gid
        )));
    }
    let is_member = |group: &str| {
        there.groups.iter().any(|there| there.name == group && there.members.iter().any(|member| member == name))
    };
    let join = account.groups.iter().filter(|group| there.gid(group).is_some() && !is_member(group)).cloned().collect();
    Ok(Plan { make_group: group.is_none(), make_user: user.is_none(), join })
}

impl Converge for Account {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let plan = plan(self, &Accounts::read(node))?;
        let mut diffs: Vec<Diff> = Vec::new();
        if plan.make_group {
            diffs.push(diff::value(format!("group {}", self.name), None, Some(self.gid.to_string())));
        }
        if plan.make_user {
            diffs.push(diff::value(format!("user {}", self.name), None, Some(self.uid.to_string())));
        }
        for group in plan.join {
            diffs.push(diff::value(format!("{} in the group {group}", self.name), None, Some("member".to_owned())));
        }
        Ok(Check { diffs, message: format!("{} is {}:{}", self.name, self.uid, self.gid), ..Check::default() })
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        let plan = plan(self, &Accounts::read(node))?;
        replace::check_writable(&node.path("/etc"))?;
        let (uid, gid) = (self.uid.to_string(), self.gid.to_string());
        if plan.make_group {
            let mut command = child::command("groupadd");
            node.run(command.args(["--system", "--gid", &gid, &self.name]), DEADLINE)?;
        }
        if plan.make_user {
            let mut command = child::command("useradd");
            command.args(["--system", "--uid", &uid, "--gid", &gid, "--no-create-home", "--home-dir", &self.home]);
            // A number above those of system accounts is what the inventory asks for.
            command.args(["-K", &format!("SYS_UID_MAX={uid}"), "--shell", "/usr/sbin/nologin", &self.name]);
            node.run(&mut command, DEADLINE)?;
        }
        for group in &plan.join {
            node.run(child::command("usermod").args(["--append", "--groups", group, &self.name]), DEADLINE)?;
        }
        Ok(format!("{} is {uid}:{gid}", self.name).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let there = Accounts::read(node);
        let mut diffs = Vec::new();
        let mut notes = String::new();
        match there.uid(&self.name) {
            Some(uid) if uid == self.uid => {
                node.run(child::command("userdel").arg(&self.name), DEADLINE)?;
                diffs.push(diff::value(format!("user {}", self.name), Some(uid.to_string()), None));
            }
            Some(uid) => notes = format!("; a user {} with the number {uid} is not td's and stays", self.name),
            None => {}
        }
        // userdel takes the group along where it is nobody else's.
        if Accounts::read(node).gid(&self.name) == Some(self.gid) {
            node.run(child::command("groupdel").arg(&self.name), DEADLINE)?;
        }
        if there.gid(&self.name) == Some(self.gid) {
            diffs.push(diff::value(format!("group {}", self.name), Some(self.gid.to_string()), None));
        }
        Ok(Removed::did(diffs, format!("the account is gone{notes}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            name: "td".to_owned(),
            uid: 7979,
            gid: 7979,
            home: "/var/lib/td".to_owned(),
            groups: vec!["video".to_owned(), "gpio".to_owned()],
        }
    }

    fn said(passwd: &str, group: &str) -> String {
        match plan(&account(), &Accounts::parse(passwd, group)) {
            Ok(plan) => format!("{plan:?}"),
            Err(failure) => failure.0,
        }
    }

    #[test]
    fn conflicts_are_found_before_anything_is_made() {
        let root = "root:x:0:0:root:/root:/bin/bash\n";
        let video = "root:x:0:\nvideo:x:44:pi\n";
        insta::assert_snapshot!(said(root, video), @r#"Plan { make_group: true, make_user: true, join: ["video"] }"#);
        let td = format!("{root}td:x:7979:7979::/var/lib/td:/usr/sbin/nologin\n");
        let group = format!("{video}td:x:7979:\n").replace(":pi", ":pi,td");
        insta::assert_snapshot!(said(&td, &group), @"Plan { make_group: false, make_user: false, join: [] }");
        insta::assert_snapshot!(said(&td.replace("td:x:", "bob:x:"), video), @"the number 7979 is the user bob's on this node: write another `uid` into the inventory, which is that of all nodes");
        insta::assert_snapshot!(said(root, "bob:x:7979:\n"), @"the number 7979 is the group bob's on this node: write another `uid` into the inventory, which is that of all nodes");
        insta::assert_snapshot!(said(&td.replace("x:7979", "x:999"), &group), @"there is a user td with the number 999, the inventory's is 7979: write `uid: 999`, or remove that user (`userdel td`) where nothing of it is needed");
        insta::assert_snapshot!(said(root, "td:x:999:\n"), @"there is a group td with the number 999, the inventory's is 7979: remove that group (`groupdel td`) where nothing of it is needed");
        insta::assert_snapshot!(said(&td.replace("7979::", "100::"), &group), @"the user td is in the group 100 first, not in 7979: `usermod -g 7979 td` mends that");
    }
}
