"""What a gateway asks of members: their Livy and their YARN, over connections that are kept."""

from emr_dr.upstream.line import Access, Times
from emr_dr.upstream.member import MemberUpstream
from emr_dr.upstream.passage import MemberPassage

__all__ = ["Access", "MemberPassage", "MemberUpstream", "Times"]
