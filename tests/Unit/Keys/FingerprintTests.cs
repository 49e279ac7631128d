using System.Security.Cryptography;
using System.Text;
using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>Rows F1–F3 of the HTTP contract.</summary>
public sealed class FingerprintTests
{
    [Theory]
    [InlineData("""{"item":"book","quantity":1}""")]
    [InlineData("""{"quantity":1,"item":"book"}""")]
    [InlineData("""  { "quantity" : 1.0 , "item" : "book" }  """)]
    [InlineData("""{"item":"\u0062ook","quantity":10e-1}""")]
    public void F1_spelling_does_not_change_it(string payload) =>
        Assert.Equal(Of("""{"item":"book","quantity":1}"""), Of(payload));

    [Theory]
    [InlineData("""{"amount":1,"currency":null}""", """{"amount":1}""")]
    [InlineData("[1,2]", "[2,1]")]
    [InlineData("""{"item":"book"}""", """{"item":"Book"}""")]
    [InlineData("""{"item":"a b"}""", """{"item":"a  b"}""")]
    [InlineData("""{"item":"a"}""", """{"item":"a "}""")]
    [InlineData("""{"item":"1"}""", """{"item":1}""")]
    [InlineData("""{"item":"é"}""", "{\"item\":\"e\u0301\"}")]
    public void F2_everything_else_does(string one, string other) => Assert.NotEqual(Of(one), Of(other));

    [Fact]
    public void F3_the_operation_is_part_of_it() =>
        Assert.NotEqual(Fingerprint.Of("submit-order", "{}"u8.ToArray()), Fingerprint.Of("capture-payment", "{}"u8.ToArray()));

    [Fact]
    public void It_is_the_SHA256_of_operation_line_break_and_canonical_payload() => Assert.Equal(
        Convert.ToHexStringLower(SHA256.HashData("submit-order\n{\"item\":\"book\",\"quantity\":1}"u8)),
        Fingerprint.Of("submit-order", """{"quantity":1.0, "item":"book"}"""u8.ToArray()).Hex);

    [Fact]
    public void Hex_digits_of_either_case_are_read_back_and_nothing_else_is()
    {
        var fingerprint = Of("""{"item":"book"}""");

        Assert.True(Fingerprint.TryParse(fingerprint.Hex, out var lower));
        Assert.True(Fingerprint.TryParse(fingerprint.Hex.ToUpperInvariant(), out var upper));
        Assert.Equal((fingerprint, fingerprint.Hex), (lower, upper.Hex));
        Assert.All((string?[])[null, "", fingerprint.Hex[1..], fingerprint.Hex + "0", "g" + fingerprint.Hex[1..], fingerprint.Hex[1..] + "٣"], text =>
            Assert.False(Fingerprint.TryParse(text, out _)));
    }

    private static Fingerprint Of(string payload) => Fingerprint.Of("operation", Encoding.UTF8.GetBytes(payload));
}
