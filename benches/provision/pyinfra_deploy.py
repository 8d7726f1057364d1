"""The work of `td-provision apply` on a node, as a pyinfra user would write it: for benches/provision.sh."""

from pyinfra import host
from pyinfra.operations import apt, files, server, systemd

data = host.data
apt.packages(packages=["povray", "povray-includes", "imagemagick", "nfs-common"], no_recommends=True, update=True, cache_time=3600, _sudo=True)
server.hostname(hostname=data.node_name, _sudo=True)
files.block(path="/etc/hosts", content=data.hosts, marker="# {mark} td", try_prevent_shell_expansion=True, _sudo=True)
files.block(path="/boot/firmware/config.txt", content="[all]\ngpu_mem=16\narm_freq=800", marker="# {mark} td", try_prevent_shell_expansion=True, _sudo=True)
files.line(path="/etc/fstab", line=f"{data.server}:/srv/td /mnt/td nfs _netdev,nofail,noauto 0 0", _sudo=True)
server.group(group="td", gid=7979, system=True, _sudo=True)
server.user(user="td", uid=7979, group="td", system=True, home="/var/lib/td", create_home=False, shell="/usr/sbin/nologin", _sudo=True)
files.directory(path="/var/lib/td", user="td", group="td", mode="0700", _sudo=True)
files.put(src=data.program, dest="/usr/local/bin/td-agent", mode="0755", _sudo=True)
unit = files.put(src=data.unit, dest="/etc/systemd/system/bench.service", _sudo=True)
systemd.service(service="bench", enabled=True, running=True, daemon_reload=unit.changed, _sudo=True)
