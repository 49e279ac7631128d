using Messaging.Publisher;
using Microsoft.Extensions.Primitives;

namespace Messaging.Unit;

public sealed class PreferenceTests
{
    [Theory]
    [InlineData("wait=5", 5), InlineData("WAIT = 5", 5), InlineData("wait=\"5\"", 5), InlineData("respond-async, wait=5; x=y", 5), InlineData("wait=0", 0), InlineData("wait=100", 30)]
    [InlineData("wait=2, wait=9", 2), InlineData("wait=007", 7), InlineData("wait=99999999999999", 30)]
    [InlineData("x=\"a,wait=1\"", null), InlineData("x=\"a,wait=1\", wait=3", 3), InlineData("x=\"a\\\",wait=1\", wait=4", 4), InlineData("x=\"a,wait=1", null), InlineData("x=1; y=\",wait=1\", wait=5", 5)]
    [InlineData("", null), InlineData("wait", null), InlineData("wait=", null), InlineData("wait=-1", null), InlineData("wait=1.5", null), InlineData("wait=x", null)]
    [InlineData("await=5", null), InlineData("handling=lenient", null)]
    public void A_wait_is_read_and_capped_or_ignored(string header, int? expected) =>
        Assert.Equal(expected, Preference.WaitSeconds(header, maxSeconds: 30));

    [Fact]
    public void Header_lines_are_one_list() => Assert.Equal(3, Preference.WaitSeconds(new StringValues(["respond-async", "wait=3"]), maxSeconds: 30));
}
