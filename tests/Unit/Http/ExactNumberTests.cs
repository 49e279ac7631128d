using System.Globalization;
using System.Text;
using Messaging.Publisher;

namespace Messaging.Unit;

public sealed class ExactNumberTests
{
    [Theory]
    [InlineData("1", "1"), InlineData("1.0", "1"), InlineData("1e0", "1"), InlineData("10E-1", "1"), InlineData("100e-2", "1"), InlineData("0.01e2", "1"), InlineData("1.00000000000000000000", "1")]
    [InlineData("0", "0"), InlineData("-0", "0"), InlineData("0.000", "0"), InlineData("0e999999", "0"), InlineData("0e-999999999999999999999", "0")]
    [InlineData("100", "100"), InlineData("1e2", "100"), InlineData("1E+2", "100"), InlineData("12.50", "12.5"), InlineData("0.0001", "0.0001"), InlineData("1e-4", "0.0001")]
    [InlineData("99999999999.9999", "99999999999.9999"), InlineData("-12.5", "-12.5"), InlineData("9007199254740993", "9007199254740993")]
    public void A_value_is_read_without_loss_and_without_trailing_zeros(string number, string expected)
    {
        Assert.True(ExactNumber.TryRead(Encoding.UTF8.GetBytes(number), maxDecimals: 4, out var value));
        Assert.Equal(expected, value.ToString(CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("0.00001"), InlineData("1.00001"), InlineData("1e-5"), InlineData("1.0000000000000000000000000000000001")]
    [InlineData("99999999999.99990000000000000001"), InlineData("1e21"), InlineData("1e999999999999999999999"), InlineData("1e-999999999999999999999"), InlineData("123456789012345678901")]
    public void What_no_valid_value_looks_like_is_refused(string number) =>
        Assert.False(ExactNumber.TryRead(Encoding.UTF8.GetBytes(number), maxDecimals: 4, out _));

    [Fact]
    public void A_spelling_of_a_hundred_thousand_zeros_is_refused_unread() =>
        Assert.False(ExactNumber.TryRead(Encoding.UTF8.GetBytes("1." + new string('0', 100_000)), maxDecimals: 4, out _));
}
